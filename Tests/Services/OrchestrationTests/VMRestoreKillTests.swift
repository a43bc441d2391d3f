// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

/// The manager of the protected site is killed at every record of a VM's restore in turn, and
/// started again.
@Suite struct VMRestoreKillTests {
  /// Stories of one kind that are told at a time: most of each is waiting.
  private static let width = 4

  @Test(arguments: [true, false], [true, false])
  func `a manager killed at any record of a restore leaves the VM running, and nothing else`(
    commits: Bool,
    keepsRecord: Bool
  ) async throws {
    var count = 0
    // No restore has so many.
    while count < 400 {
      let next = count + 1..<count + 1 + Self.width
      let killed = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in next {
          group.addTask { try await wasKilled(atRecord: number, commits, keepsRecord) }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      count += killed
      // Whoever was not killed ran through to the end.
      if killed < Self.width { break }
    }
    // Each step has a record, and so have the beginning and the decision.
    #expect(((commits ? 10 : 11)..<400).contains(count), "\(count) records")
  }

  private func wasKilled(
    atRecord number: Int,
    _ commits: Bool,
    _ keepsRecord: Bool
  ) async throws -> Bool {
    let bench = try await VMRestoreBench()
    let what: Comment = "killed at record \(number)"
    let end: VPGOperation = commits ? .restoreCommit(bench.vm) : .restoreRollback(bench.vm)
    do {
      let wasKilled = try await bench.tell(end, killedAt: number, keepsRecord: keepsRecord)
      try await bench.checkIsOnItsOwnDisks(what)
      await bench.end()
      return wasKilled
    } catch {
      await bench.end()
      Issue.record(error, what)
      return false
    }
  }
}
