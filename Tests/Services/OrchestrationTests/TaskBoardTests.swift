// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Orchestration
import RecoveryModel
import SQLiteStore
import Testing

@Suite struct TaskBoardTests {
  private static func board(_ path: String, _ scope: WorkScope) throws -> TaskBoard {
    TaskBoard(
      site: SiteIdentifier("a"),
      store: try SQLiteStore(path: path),
      scope: scope,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      now: { .now }
    )
  }

  private static func withStore(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-tasks-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder.appendingPathComponent("s.sqlite").path)
  }

  @Test func `a body's error is the task's reason, and 100 comes with the end`() async throws {
    try await Self.withStore { path in
      let scope = WorkScope()
      let board = try Self.board(path, scope)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await scope.run() }
        defer { group.cancelAll() }
        let failing = try await board.run(.failover, user: "ann") { task throws(SiteError) in
          await board.progress(task, 150)
          throw .conflict("not now")
        }
        let fine = try await board.run(.failover, user: "ann") { _ in }
        try await eventually("both end") {
          try await board.all().allSatisfy(\.state.isFinal)
        }
        let failed = try await board.task(failing)
        #expect(failed.state == .failed)
        #expect(failed.completeReason == "not now")
        #expect(failed.progress == 100)
        #expect(try await board.task(fine).state == .completed)
        await board.fail(fine, reason: "too late")
        #expect(try await board.task(fine).state == .completed)
      }
    }
  }

  @Test func `tasks of a killed manager fail with words unless they go on`() async throws {
    try await Self.withStore { path in
      let first = try Self.board(path, WorkScope())
      let lost = try await first.begin(.pauseVPG, user: "ann")
      let kept = try await first.begin(.failover, user: "ann")
      let second = try Self.board(path, WorkScope())
      try await second.takeOver { $0.identifier == kept }
      #expect(try await second.task(lost).state == .failed)
      #expect(try await second.task(lost).completeReason.contains("stopped"))
      #expect(try await second.task(kept).state == .inProgress)
      #expect(await second.unfinished().map(\.identifier) == [kept])
    }
  }

  @Test func `a stopped scope leaves its tasks in progress`() async throws {
    try await Self.withStore { path in
      let scope = WorkScope()
      let board = try Self.board(path, scope)
      let task = try await board.run(.failover, user: "ann") { _ throws(SiteError) in
        do { try await Task.sleep(for: .seconds(60)) } catch { throw .failed("stopping") }
      }
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await scope.run() }
        group.cancelAll()
      }
      #expect(try await board.task(task).state == .inProgress)
    }
  }
}
