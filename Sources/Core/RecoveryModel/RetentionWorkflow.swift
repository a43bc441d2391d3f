// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A copy of a checkpoint into a repository, from its first step to its last, without doing any of
/// them.
///
/// What must hold:
///
/// - There is a set once the last step is done, with the snapshots that were answered, and none
///   before. What an earlier try may have left is deleted by its tag.
/// - The points are held, by the exports, until every byte is copied, and no longer.
/// - A script after it is run once at most, when the set is there, and changes nothing about it.
package struct RetentionWorkflow: Codable, Sendable, Equatable {
  /// Also the set's.
  package let identifier: RetentionSetIdentifier
  package let vpg: VPGIdentifier
  package let repository: RepositoryIdentifier
  package let checkpoint: Checkpoint
  package let expires: WallTime?
  package private(set) var machines: [Machine]
  package var run = UndoableRun()
  /// Whether a script follows; nil is no, as in copies that an older release began.
  private var hasScript: Bool?
  /// Whether the script was begun: by whoever asks, or by a manager that is gone; nil is no.
  private var scriptUnderWay: Bool?
  /// Whether somebody wants the script no more; nil is no.
  private var scriptUnwanted: Bool?

  package init(
    identifier: RetentionSetIdentifier,
    vpg: VPGIdentifier,
    repository: RepositoryIdentifier,
    checkpoint: Checkpoint,
    expires: WallTime?,
    machines: [Machine],
    hasScript: Bool = false
  ) {
    self.identifier = identifier
    self.vpg = vpg
    self.repository = repository
    self.checkpoint = checkpoint
    self.expires = expires
    self.machines = machines
    self.hasScript = hasScript ? true : nil
  }

  /// One VM that is copied.
  package struct Machine: Codable, Sendable, Equatable {
    package var stream: StreamIdentifier
    package var export: ExportIdentifier
    /// Where its journal is, by which the copy is undone when the VPG is gone; nil of old records.
    package var host: HostIdentifier?
    package var disks: [Disk]

    package init(
      stream: StreamIdentifier,
      export: ExportIdentifier,
      host: HostIdentifier,
      disks: [Disk]
    ) {
      self.stream = stream
      self.host = host
      self.export = export
      self.disks = disks
    }
  }

  /// One disk that is copied.
  package struct Disk: Codable, Sendable, Equatable {
    package var volume: VolumeIdentifier
    package var target: String
    package var byteCount: UInt64
    package var copy: CopyIdentifier
    /// Once it is kept whole.
    package var kept: Kept?

    package init(
      volume: VolumeIdentifier,
      target: String,
      byteCount: UInt64,
      copy: CopyIdentifier
    ) {
      self.volume = volume
      self.target = target
      self.byteCount = byteCount
      self.copy = copy
    }
  }

  /// What the repository answered.
  package struct Kept: Codable, Sendable, Equatable {
    package var snapshot: String
    package var addedByteCount: UInt64

    package init(snapshot: String, addedByteCount: UInt64) {
      self.snapshot = snapshot
      self.addedByteCount = addedByteCount
    }
  }

  /// One thing to do.
  ///
  /// Numbers are indices into ``machines`` and ``Machine/disks``.
  package enum Step: Sendable, Equatable {
    case openExport(Int)
    case archive(Int, Int)
    /// Ends a copy and has the appliance forget it.
    case endArchive(Int, Int)
    case closeExport(Int)
    case keepSet
    /// The set is there; whatever comes of the script.
    case runScript
    /// Has what was copied deleted, whenever the repository is there.
    case doomSet
  }

  /// The steps of the current stage, in order.
  package var steps: [Step] {
    switch run.stage {
    case .doing:
      machines.indices.map(Step.openExport) + disks.map(Step.archive)
        + disks.map(Step.endArchive) + machines.indices.map(Step.closeExport) + [.keepSet]
        + (hasScript == true ? [.runScript] : [])
    case .undoing:
      [.doomSet] + disks.map(Step.endArchive) + machines.indices.map(Step.closeExport)
    case .completed, .undone: []
    }
  }

  /// The current step; nil if nothing is left to do.
  package var step: Step? { run.isOver ? nil : steps[run.cursor] }

  package mutating func stepDone() {
    // Who wanted the copy no more came too late: the set is there and stays, without the script.
    if step == .keepSet, run.isAborted { hasScript = nil }
    run.stepDone(of: steps.count)
  }

  package var isScriptUnderWay: Bool { scriptUnderWay == true }

  /// The script is about to be run; to be stored before it is.
  package mutating func beginScript() { scriptUnderWay = true }

  package var isAborted: Bool { run.isAborted || scriptUnwanted == true }

  /// Has the copy undone or, once the set is there, its script ended; whether it is not too late.
  package mutating func abort() -> Bool {
    guard step == .runScript else { return run.abort() }
    guard scriptUnwanted != true else { return false }
    scriptUnwanted = true
    return true
  }

  /// A disk is in the repository.
  package mutating func keep(_ kept: Kept, _ machine: Int, _ disk: Int) {
    machines[machine].disks[disk].kept = kept
  }

  /// 0...99, by the bytes that are copied; `copied` are those of the disk under way.
  package func progress(copied: UInt64 = 0) -> Int {
    guard run.stage == .doing else { return 99 }
    let all = machines.flatMap(\.disks)
    let total = all.reduce(0) { $0 + $1.byteCount }
    let done = all.reduce(copied) { $0 + ($1.kept == nil ? 0 : $1.byteCount) }
    return total == 0 ? 0 : Int(Double(min(done, total)) / Double(total) * 99)
  }

  private var disks: [(Int, Int)] {
    machines.indices.flatMap { machine in machines[machine].disks.indices.map { (machine, $0) } }
  }
}
