// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A new VM of a retention set, from its first step to its last, without doing any of them.
///
/// Until the VM is defined everything can be undone; nothing it made stays behind then.
package struct RestoreWorkflow: Codable, Sendable, Equatable {
  package let identifier: String
  package let set: RetentionSetIdentifier
  package let vpg: VPGIdentifier
  package let repository: RepositoryIdentifier
  /// What the VM was.
  package let machine: RetentionSet.Machine
  package let host: HostIdentifier
  package let name: String
  /// Chosen before the VM exists so that a second try makes no second VM.
  package let uuid: String
  /// Where each disk goes, in the order of the machine's.
  package let folders: [String]
  package var run = UndoableRun()

  package init(
    identifier: String,
    set: RetentionSet,
    machine: RetentionSet.Machine,
    host: HostIdentifier,
    name: String,
    uuid: String,
    folders: [String]
  ) {
    self.identifier = identifier
    self.set = set.identifier
    vpg = set.vpg
    repository = set.repository
    self.machine = machine
    self.host = host
    self.name = name
    self.uuid = uuid
    self.folders = folders
  }

  /// One thing to do.
  ///
  /// Numbers are indices into the machine's disks.
  package enum Step: Sendable, Equatable {
    case restoreDisk(Int)
    case defineVM
    case removeVM
    case deleteDisk(Int)
  }

  /// The steps of the current stage, in order.
  package var steps: [Step] {
    switch run.stage {
    case .doing: machine.disks.indices.map(Step.restoreDisk) + [.defineVM]
    case .undoing: [.removeVM] + machine.disks.indices.map(Step.deleteDisk)
    case .completed, .undone: []
    }
  }

  /// The current step; nil if nothing is left to do.
  package var step: Step? { run.isOver ? nil : steps[run.cursor] }

  package mutating func stepDone() { run.stepDone(of: steps.count) }

  package func copy(_ disk: Int) -> CopyIdentifier {
    CopyIdentifier("\(machine.disks[disk].target)-\(uuid)")
  }

  /// 0...99, by the bytes that are written; `copied` are those of the disk under way.
  package func progress(copied: UInt64 = 0) -> Int {
    guard run.stage == .doing else { return 99 }
    let total = machine.disks.reduce(0) { $0 + $1.byteCount }
    let done = machine.disks.prefix(run.cursor).reduce(copied) { $0 + $1.byteCount }
    return total == 0 ? 0 : Int(Double(min(done, total)) / Double(total) * 99)
  }
}
