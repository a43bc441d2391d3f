// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

/// The recovery manager is killed at every record of every operation in turn, and started again.
@Suite struct KillTests {
  /// Stories of one kind that are told at a time: most of each is waiting.
  private static let width = 4

  @Test(arguments: KillBench.Story.allCases, [false, true])
  func `a manager killed at any record of an operation leaves one VM, its disks and nothing else`(
    story: KillBench.Story,
    keepsRecord: Bool
  ) async throws {
    try await killEverywhere(in: story, keepsRecord)
  }

  @Test(
    arguments: [
      KillBench.Story.test, .failoverRollback, .failoverCommit, .moveRollback, .moveCommit,
      .reverse, .partRollback, .partReverse, .testOfTwo,
    ],
    [false, true]
  )
  func `so does the manager of a site that recovers its own VMs`(
    story: KillBench.Story,
    keepsRecord: Bool
  ) async throws {
    try await killEverywhere(in: story, keepsRecord, isWithinOneSite: true)
  }

  private func killEverywhere(
    in story: KillBench.Story,
    _ keepsRecord: Bool,
    isWithinOneSite: Bool = false
  ) async throws {
    var count = 0
    // No story has so many.
    while count < 400 {
      let next = count + 1..<count + 1 + Self.width
      let killed = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in next {
          group.addTask {
            try await wasKilled(in: story, atRecord: number, keepsRecord, isWithinOneSite)
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      count += killed
      // Whoever was not killed ran through to the end.
      if killed < Self.width { break }
    }
    // Each step has a record, and so has every beginning.
    #expect((story.fewestRecords..<400).contains(count), "\(story) has \(count) records")
  }

  private func wasKilled(
    in story: KillBench.Story,
    atRecord number: Int,
    _ keepsRecord: Bool,
    _ isWithinOneSite: Bool
  ) async throws -> Bool {
    let bench = try await KillBench(story, isWithinOneSite: isWithinOneSite)
    bench.store.killManager(atRecord: number, keepsRecord: keepsRecord)
    do {
      try await bench.tell()
      try await bench.check("\(story), killed at record \(number)")
    } catch {
      await bench.end()
      Issue.record(error, "\(story), killed at record \(number)")
      return false
    }
    await bench.end()
    return bench.store.isDead
  }
}
