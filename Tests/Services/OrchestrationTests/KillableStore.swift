// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import SQLiteStore
import Store
import Synchronization

/// A store whose manager can be killed at a chosen record of a workflow: from then on it takes
/// nothing any more, so all the manager still thinks it does is forgotten.
final class KillableStore: SQLStore {
  private struct State {
    /// The table whose records count.
    var table = "workflow"
    /// Records until the kill; nil if there is to be none.
    var left: Int?
    var keepsRecord = false
    var isDead = false
    /// Records of workflows until one is not taken, once; nil if all are.
    var leftUntilFailure: Int?
    var hasFailed = false
  }

  private enum Fate {
    case alive
    case dyingAfter
    case dead
    case failing
  }

  private let base: SQLiteStore
  private let state = Mutex(State())

  init(_ base: SQLiteStore) { self.base = base }

  /// Has the manager killed at a record of a table, counted from 1 and from now.
  ///
  /// Either right after the record, so that the next step was never begun; or right before it, so
  /// that a step was done and nobody knows.
  func killManager(atRecord number: Int, keepsRecord: Bool, of table: String = "workflow") {
    state.withLock {
      $0.table = table
      $0.left = number
      $0.keepsRecord = keepsRecord
    }
  }

  /// Lets the manager live, unless it is dead already; whether it is.
  func spareManager() -> Bool {
    state.withLock { state in
      if !state.isDead { state.left = nil }
      return state.isDead
    }
  }

  /// Has one record of a workflow, counted from 1 and from now, not be taken.
  func failOnce(atRecord number: Int) { state.withLock { $0.leftUntilFailure = number } }

  var hasFailed: Bool { state.withLock(\.hasFailed) }

  var isDead: Bool { state.withLock(\.isDead) }

  var dialect: SQLDialect { base.dialect }

  func write(_ statements: [SQLStatement]) async throws(StoreError) -> [[SQLValue]] {
    let fate = state.withLock { state -> Fate in
      let isRecord = statements.contains { $0.sql.contains("INTO \"\(state.table)\"") }
      if state.isDead { return .dead }
      if isRecord, let left = state.leftUntilFailure {
        state.leftUntilFailure = left == 1 ? nil : left - 1
        if left == 1 {
          state.hasFailed = true
          return .failing
        }
      }
      guard isRecord, let left = state.left else { return .alive }
      state.left = left - 1
      guard left == 1 else { return .alive }
      state.isDead = true
      return state.keepsRecord ? .dyingAfter : .dead
    }
    if fate == .failing { throw .unavailable("the disk is full") }
    if fate == .dead { throw .unavailable("the manager is dead") }
    let rows = try await base.write(statements)
    if fate == .dyingAfter { throw .unavailable("the manager is dead") }
    return rows
  }

  func read(_ query: SQLStatement) async throws(StoreError) -> [[SQLValue]] {
    try await base.read(query)
  }

  func close() async throws(StoreError) { try await base.close() }
}
