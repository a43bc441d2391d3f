// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// One protected VM brought back from its journal, at its own site, from the first step to the
/// last, without doing any of them.
///
/// What differs between then and now is put into overlays over the VM's own disks, and the VM runs
/// on these until somebody decides: a commit takes the overlays down into the disks, a rollback
/// throws them away. What must hold:
///
/// - Nobody writes to the VM's own disks before a commit, so until then all can be undone, by this
///   site alone.
/// - A step that fails before the VM runs again undoes everything, also if the other site is away:
///   a VM that is off is not made to wait for it.
/// - Undoing and committing are tried until they are done. No overlay stays behind.
/// - The overlays are complete only when they hold what was written up to the VM's last write.
package struct VMRestoreWorkflow: Codable, Sendable, Equatable {
  package let identifier: String
  package let vpg: VPGIdentifier
  package let vm: VMIdentifier
  package let stream: StreamIdentifier
  package let name: String
  /// Where the VM was when this began.
  package let host: HostIdentifier
  /// The point the VM is brought back to.
  package let checkpoint: Checkpoint
  package let disks: [Disk]
  package let wish: VPGOperation.Restore
  /// Whether the VM was on before.
  package let wasRunning: Bool
  package private(set) var stage = Stage.preparing
  /// The index of the current step of the stage.
  package private(set) var cursor = 0
  /// A checkpoint behind the VM's last write before the restore; nil until there is one.
  package private(set) var settled: Checkpoint?
  /// Whether the VM may be off, or on its overlays, because of this.
  package private(set) var isTouched = false
  /// Why it is being undone without anyone asking; empty otherwise.
  package private(set) var failure = ""
  /// Whether somebody wanted it no more before the VM ran.
  package private(set) var isAborted = false

  package init(
    identifier: String,
    vpg: VPGIdentifier,
    vm: VMIdentifier,
    stream: StreamIdentifier,
    name: String,
    host: HostIdentifier,
    checkpoint: Checkpoint,
    disks: [Disk],
    wish: VPGOperation.Restore,
    wasRunning: Bool
  ) {
    self.identifier = identifier
    self.vpg = vpg
    self.vm = vm
    self.stream = stream
    self.name = name
    self.host = host
    self.checkpoint = checkpoint
    self.disks = disks
    self.wish = wish
    self.wasRunning = wasRunning
  }
}

extension VMRestoreWorkflow {
  /// One of the VM's disks.
  package struct Disk: Codable, Sendable, Equatable {
    package var volume: VolumeIdentifier
    package var target: String
    package var byteCount: UInt64
    /// The VM's own file.
    package var basePath: String
    /// `raw` or `qcow2`.
    package var baseFormat: String
    package var overlayPath: String
    /// Whether it is left as it is: nobody keeps a history of temporary data.
    package var isTemporary: Bool

    package init(
      volume: VolumeIdentifier,
      target: String,
      byteCount: UInt64,
      basePath: String,
      baseFormat: String,
      overlayPath: String,
      isTemporary: Bool
    ) {
      self.volume = volume
      self.target = target
      self.byteCount = byteCount
      self.basePath = basePath
      self.baseFormat = baseFormat
      self.overlayPath = overlayPath
      self.isTemporary = isTemporary
    }
  }

  /// Where the workflow is.
  package enum Stage: String, Codable, Sendable {
    /// On the way to a VM as it was.
    case preparing
    /// The VM runs on its overlays, and waits for commit or rollback.
    case running
    case committing
    case undoing
    case committed
    case undone

    /// Whether nothing is done before somebody asks.
    package var isResting: Bool { self == .running || isFinal }
    package var isFinal: Bool { self == .committed || self == .undone }
  }

  /// One thing to do.
  package enum Step: Sendable, Equatable {
    /// What differs by now is in the overlays, while the VM still runs.
    case copy
    case shutDown
    /// All that the VM wrote is in the journal.
    case settle
    /// What differs is in the overlays, all of it.
    case copyRest
    case layOverlays
    case start
    case commitOverlays
    /// The VM does not run on its overlays, and will not.
    case takeOverlays
    case startAgain
    case deleteOverlays
  }

  /// The steps of the current stage, in order.
  package var steps: [Step] {
    switch stage {
    case .preparing: [.copy, .shutDown, .settle, .copyRest, .layOverlays, .start]
    case .committing: [.commitOverlays, .deleteOverlays]
    case .undoing:
      isTouched ? [.takeOverlays, .startAgain, .deleteOverlays] : [.deleteOverlays]
    case .running, .committed, .undone: []
    }
  }

  /// The current step; nil if there is nothing to do before somebody asks.
  package var step: Step? { stage.isResting ? nil : steps[cursor] }

  /// The VM has written for the last time, and this checkpoint holds all of it.
  package mutating func settled(at checkpoint: Checkpoint) { settled = checkpoint }

  /// The current step is done.
  package mutating func stepDone() {
    precondition(cursor < steps.count, "no step was under way")
    cursor += 1
    if stage == .preparing, isAborted { return enter(.undoing) }
    // Whoever reports a step stores that before the next one is begun.
    if stage == .preparing { isTouched = true }
    if cursor == steps.count {
      switch stage {
      case .preparing: enter(.running)
      case .committing: enter(.committed)
      case .undoing: enter(.undone)
      case .running, .committed, .undone: preconditionFailure("a resting stage has no steps")
      }
    }
  }

  /// The current step failed.
  ///
  /// - Returns: Whether it is to be tried again after a pause.
  package mutating func stepFailed(_ reason: String) -> Bool {
    precondition(cursor < steps.count, "no step was under way")
    guard stage == .preparing else { return true }
    if !isAborted { failure = reason }
    enter(.undoing)
    return false
  }

  /// Has the VM stay as it was brought back; whether that can be asked for now.
  package mutating func commit() -> Bool { decide(.committing) }

  /// Has the VM be again as it was before; whether that can be asked for now.
  package mutating func rollBack() -> Bool { decide(.undoing) }

  /// Has a restore undone whose VM does not run yet, as soon as the current step has ended.
  ///
  /// - Returns: Whether it is not too late for that.
  package mutating func abort() -> Bool {
    guard stage == .preparing else { return false }
    isAborted = true
    return true
  }

  /// 0...99; `part` is how much of the current step is done, 0...1.
  package func progress(part: Double = 0) -> Int {
    let count = steps.count
    return count == 0 ? 99 : Int((Double(cursor) + min(max(part, 0), 1)) / Double(count) * 99)
  }

  private mutating func decide(_ next: Stage) -> Bool {
    guard stage == .running else { return false }
    enter(next)
    return true
  }

  private mutating func enter(_ next: Stage) {
    stage = next
    cursor = 0
  }
}
