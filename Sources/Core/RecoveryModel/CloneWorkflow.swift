// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A clone of a VPG's VMs as of a checkpoint, from its first step to its last, without doing any of
/// them.
///
/// It is driven as a ``RecoveryWorkflow`` is. What must hold:
///
/// - Until all VMs are defined everything can be undone; a failed step, or an abort, undoes
///   everything.
/// - From then on the clone is complete: what is left to do is tried until it is done.
/// - The points are held, by the exports, from before the first byte is copied until then.
/// - Undoing is tried until it is done. Nothing a clone made stays behind.
package struct CloneWorkflow: Codable, Sendable, Equatable {
  package let identifier: String
  package let vpg: VPGIdentifier
  package let checkpoint: Checkpoint
  package private(set) var machines: [Machine]
  package private(set) var stage: Stage
  /// The index of the current step of the stage.
  package private(set) var cursor: Int
  /// Whether somebody wants the clone no more.
  package private(set) var isAborted: Bool
  /// Why the clone is being undone without anyone asking; empty otherwise.
  package private(set) var failure: String

  package init(
    identifier: String,
    vpg: VPGIdentifier,
    checkpoint: Checkpoint,
    machines: [Machine]
  ) {
    self.identifier = identifier
    self.vpg = vpg
    self.checkpoint = checkpoint
    self.machines = machines
    stage = .copying
    cursor = 0
    isAborted = false
    failure = ""
  }
}

extension CloneWorkflow {
  /// One VM that is cloned.
  package struct Machine: Codable, Sendable, Equatable {
    package var stream: StreamIdentifier
    /// The new VM's name.
    package var name: String
    /// The new VM's UUID, chosen before it exists so that a second try makes no second VM.
    package var uuid: String
    package var export: ExportIdentifier
    package var disks: [Disk]

    package init(
      stream: StreamIdentifier,
      name: String,
      uuid: String,
      export: ExportIdentifier,
      disks: [Disk]
    ) {
      self.stream = stream
      self.name = name
      self.uuid = uuid
      self.export = export
      self.disks = disks
    }
  }

  /// One disk that is copied.
  package struct Disk: Codable, Sendable, Equatable {
    package var volume: VolumeIdentifier
    package var target: String
    package var copy: CopyIdentifier
    package var datastore: DatastoreIdentifier
    /// The folder the copy is made in.
    package var folder: String
    /// Bytes that are to be copied, once it is known; zeroes take no room and no time.
    package var dataByteCount: UInt64?

    package init(
      volume: VolumeIdentifier,
      target: String,
      copy: CopyIdentifier,
      datastore: DatastoreIdentifier,
      folder: String
    ) {
      self.volume = volume
      self.target = target
      self.copy = copy
      self.datastore = datastore
      self.folder = folder
    }

    /// The file of the copy.
    package var path: String { copy.path(in: folder) }
  }

  /// Where the workflow is.
  package enum Stage: String, Codable, Sendable {
    case copying
    case undoing
    case completed
    case undone

    /// Whether nothing is left to do.
    package var isFinal: Bool { self == .completed || self == .undone }
  }

  /// One thing to do.
  ///
  /// Numbers are indices into ``CloneWorkflow/machines`` and ``CloneWorkflow/Machine/disks``.
  package enum Step: Sendable, Equatable {
    case openExport(Int)
    /// The datastores have room for all that is to be copied.
    case checkRoom
    case copyDisk(Int, Int)
    case defineVM(Int)
    case closeExport(Int)
    case removeVM(Int)
    case deleteCopy(Int, Int)
  }

  /// What the driver does next.
  package enum Action: Sendable, Equatable {
    case perform(Step)
    /// The step failed and is to be tried again after a pause.
    case retry(Step)
    /// The workflow can be forgotten.
    case finish
  }

  /// Why a step was not done.
  package enum Failure: Sendable, Equatable {
    /// Whoever carries the step out is away, and may come back.
    case away(String)
    case refused(String)
  }
}

extension CloneWorkflow {
  /// The steps of the current stage, in order.
  package var steps: [Step] {
    switch stage {
    case .copying:
      machines.indices.map(Step.openExport) + [.checkRoom] + disks.map(Step.copyDisk)
        + machines.indices.map(Step.defineVM) + machines.indices.map(Step.closeExport)
    case .undoing:
      machines.indices.map(Step.removeVM) + disks.map(Step.deleteCopy)
        + machines.indices.map(Step.closeExport)
    case .completed, .undone: []
    }
  }

  /// What to do now.
  ///
  /// Asking changes nothing.
  package var nextAction: Action { stage.isFinal ? .finish : .perform(steps[cursor]) }

  /// The current step is done.
  package mutating func stepDone() -> Action {
    precondition(cursor < steps.count, "no step was under way")
    cursor += 1
    if stage == .copying, isAborted {
      enter(.undoing)
    } else if cursor == steps.count {
      enter(stage == .copying ? .completed : .undone)
    }
    return nextAction
  }

  /// It is known how much is to be copied of a machine's disks.
  package mutating func measured(_ machine: Int, _ byteCounts: [VolumeIdentifier: UInt64]) {
    for index in machines[machine].disks.indices {
      let volume = machines[machine].disks[index].volume
      machines[machine].disks[index].dataByteCount = byteCounts[volume]
    }
  }

  /// The current step failed.
  package mutating func stepFailed(_ reason: Failure) -> Action {
    precondition(cursor < steps.count, "no step was under way")
    guard stage == .copying, !isComplete else { return .retry(steps[cursor]) }
    switch reason {
    case .away where !isAborted: return .retry(steps[cursor])
    case .away: break
    case .refused(let reason): if !isAborted { failure = reason }
    }
    enter(.undoing)
    return nextAction
  }

  /// Has the clone undone, as soon as the current step has ended.
  ///
  /// - Returns: Whether it is not too late for that.
  package mutating func abort() -> Bool {
    guard stage == .copying, !isComplete else { return false }
    isAborted = true
    return true
  }

  /// 0...99, by the bytes that are copied; `copied` are those of the disk under way.
  package func progress(copied: UInt64 = 0) -> Int {
    guard stage == .copying else { return 99 }
    var (done, total): (UInt64, UInt64) = (copied, 0)
    for (position, step) in steps.enumerated() {
      guard case .copyDisk(let machine, let disk) = step else { continue }
      let count = machines[machine].disks[disk].dataByteCount ?? 0
      total += count
      if position < cursor { done += count }
    }
    guard total > 0 else { return 0 }
    return Int(Double(min(done, total)) / Double(total) * 99)
  }

  /// Whether all VMs are defined.
  private var isComplete: Bool {
    if case .closeExport = steps[cursor] { return true }
    return false
  }

  private var disks: [(Int, Int)] {
    machines.indices.flatMap { machine in machines[machine].disks.indices.map { (machine, $0) } }
  }

  private mutating func enter(_ next: Stage) {
    stage = next
    cursor = 0
  }
}
