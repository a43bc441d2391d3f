// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RESTClient

extension DemoStory {
  /// Failover test: starts the VM beside the protected one, reads its data, removes it.
  mutating func testFailover(of vpg: String, to point: DemoPoint) async throws {
    let before = try await vmsAtParis()
    let start = ContinuousClock.now
    let task = try await recovery.begin(
      "/vpgs/\(vpg)/FailoverTest",
      ["CheckpointIdentifier": .text(point.identifier)]
    )
    let (guest, times) = try await waitForRecoveredVM(
      besides: before,
      since: start,
      task: task
    )
    figures.test = times
    try await recovery.waitForTask(task, seconds: 120)
    try await checkDisks(of: guest, at: point)
    let checkpoints = try await recovery.get("/vpgs/\(vpg)/checkpoints").elements.count
    figures.checkpointCount = checkpoints
    progress.detail("protection went on meanwhile: \(checkpoints) checkpoints")

    try await recovery.perform(
      "/vpgs/\(vpg)/FailoverTestStop",
      ["FailoverTestSuccess": true, "FailoverTestSummary": "the data is right"],
      seconds: 120
    )
    let left = try await vmsAtParis()
    guard left == before else {
      throw LabError("after the test: expected the VMs \(before) at paris, got \(left)")
    }
    progress.detail("the test is stopped and its VM removed")
  }

  /// Failover to the point, up to the question whether to commit.
  @discardableResult
  func failOver(_ vpg: String, to point: DemoPoint) async throws -> DemoFigures.RecoveryTimes {
    let before = try await vmsAtParis()
    let start = ContinuousClock.now
    let task = try await recovery.begin(
      "/vpgs/\(vpg)/Failover",
      [
        "CheckpointIdentifier": .text(point.identifier), "CommitPolicy": 2, "ShutdownPolicy": 2,
        "TimeToWaitBeforeShutdownInSec": 0,
      ]
    )
    let (guest, times) = try await waitForRecoveredVM(besides: before, since: start, task: task)
    try await waitForSubstatus(15, of: vpg, task: task)
    try await checkDisks(of: guest, at: point)
    return times
  }

  /// Rolls the failover back, and sees that the VM runs at london again and is protected: that
  /// there are checkpoints of a later time.
  func rollBack(_ vpg: String) async throws {
    try await recovery.perform("/vpgs/\(vpg)/FailoverRollback", seconds: 180)
    let left = try await vmsAtParis()
    guard left.isEmpty else { throw LabError("after the roll back paris still has \(left)") }
    guard try await source.waitUntilServing(seconds: 240) else {
      throw LabError("after the roll back \(Self.vmName) does not answer at london")
    }
    progress.detail("rolled back: \(Self.vmName) runs at london again")
    let latest = try await latestCheckpoint(of: vpg)
    var last: JSON = .null
    let goesOn = try await Waiting.until(seconds: 240, every: .milliseconds(500)) {
      last = try await recovery.get("/vpgs/\(vpg)")
      let newest = try await latestCheckpoint(of: vpg)
      return last["Status"].int == 1 && newest > latest
    }
    guard goesOn else {
      throw LabError(
        "after the roll back: expected VPG status 1 and checkpoints after \(latest), got status "
          + "\(last["Status"].int ?? -1), substatus \(last["SubStatus"].int ?? -1)"
      )
    }
    progress.detail("protection goes on, with new checkpoints")
  }

  /// The number of the latest checkpoint that paris has; numbers grow with time.
  private func latestCheckpoint(of vpg: String) async throws -> Int {
    try await recovery.get("/vpgs/\(vpg)/checkpoints").elements
      .compactMap { $0["CheckpointIdentifier"].text.flatMap { Int($0) } }.max() ?? 0
  }

  /// Commits, and sees that the recovered VM goes on serving and writing.
  mutating func commit(_ vpg: String) async throws {
    let guest = lab.guest(Self.vmName, at: paris)
    let before = try await lastNumber(of: guest)
    try await recovery.perform("/vpgs/\(vpg)/FailoverCommit", seconds: 300)
    let wentOn = try await Waiting.until(seconds: 30) { try await lastNumber(of: guest) > before }
    guard wentOn else {
      throw LabError("after the commit \(Self.vmName) at paris writes no more: still \(before)")
    }
    figures.recoveredNumbers = try await recoveredNumbers(of: guest)
    progress.detail("committed: \(Self.vmName) belongs to paris now, and goes on")
  }

  // MARK: What is looked at

  func vmsAtParis() async throws -> [String] {
    try await lab.vmNames(at: paris)
  }

  /// Waits for a VM at paris that was not there before, until it runs and until it answers.
  private func waitForRecoveredVM(
    besides others: [String],
    since start: ContinuousClock.Instant,
    task: String
  ) async throws -> (LabGuest, DemoFigures.RecoveryTimes) {
    var name: String?
    let runs = try await Waiting.until(seconds: 180) {
      // A task that fails says why; waiting on would not.
      _ = try await recovery.isCompleted(task)
      name = try await lab.runningVMNames(at: paris).first { !others.contains($0) }
      return name != nil
    }
    guard runs, let name else { throw LabError("no VM was started at paris within 180 s") }
    let running = Self.seconds(since: start)
    let guest = lab.guest(name, at: paris)
    guard try await guest.waitUntilServing(seconds: 240) else {
      throw LabError("\(name) at paris does not answer HTTP within 240 s")
    }
    let answering = Self.seconds(since: start)
    progress.detail(
      "“\(name)” runs after \(Self.rounded(running)), answers after \(Self.rounded(answering))"
    )
    return (
      guest, DemoFigures.RecoveryTimes(untilRunning: running, untilFirstAnswer: answering)
    )
  }

  private func waitForSubstatus(_ wanted: Int, of vpg: String, task: String) async throws {
    var last: JSON = .null
    let reached = try await Waiting.until(seconds: 120, every: .milliseconds(250)) {
      last = try await recovery.get("/vpgs/\(vpg)")
      if last["SubStatus"].int == wanted { return true }
      _ = try await recovery.isCompleted(task)
      return false
    }
    guard reached else {
      throw LabError("expected VPG substatus \(wanted), got \(last["SubStatus"].int ?? -1)")
    }
  }

  /// Checks what the recovered guest found on its disks when it came up.
  private func checkDisks(of guest: LabGuest, at point: DemoPoint) async throws {
    guard let boot = try await guest.page("found-seq", seconds: 20),
      let data = try await guest.page("found-vdb-seq", seconds: 20)
    else { throw LabError("\(guest.name) at paris does not serve what it found on its disks") }
    if let fault = point.bounds.fault(bootDisk: boot, dataDisk: data) {
      throw LabError("\(guest.name) at paris: \(fault)")
    }
    let ends = [boot, data].map { SequenceFile($0)?.lastOfUnbroken ?? 0 }
    progress.detail(
      "its disks are as of one instant: boot disk 1…\(ends[0]), data disk 1…\(ends[1]), "
        + "checkpoint between \(point.bounds.before) and \(point.bounds.after)"
    )
  }

  private func recoveredNumbers(of guest: LabGuest) async throws -> Int {
    var count = 0
    for page in ["found-seq", "found-vdb-seq"] {
      count += SequenceFile(try await guest.page(page, seconds: 20) ?? "")?.numbers.count ?? 0
    }
    return count
  }
}
