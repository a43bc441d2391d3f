// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PostgresStore
import RecoveryModel
import Store
import Synchronization
import Testing

/// What only a database on a server has: connections that end, and several managers.
@Suite(.withPostgres) struct PostgresStoreTests {
  @Test func `a lost connection is opened again`() async throws {
    let server = try #require(PostgresServer.current)
    let url = try server.makeDatabase()
    let store = try PostgresStore(location: url)
    try await store.save(StoreTests.event(1, at: 1))
    try server.cutConnections(to: url)
    try await store.save(StoreTests.event(2, at: 2))
    #expect(try await store.events(from: nil, to: nil, limit: 9).count == 2)
  }

  @Test func `a server that is away is said so, without the password`() async throws {
    let gone = "postgres://ann:s3cret@/x?host=/tmp/no-such-folder"
    #expect {
      try PostgresStore(location: gone)
    } throws: { error in
      guard case StoreError.unavailable(let words) = error else { return false }
      return words.contains("no-such-folder") && !words.contains("s3cret")
    }
    #expect {
      try PostgresStore(location: "postgres://ann:s3c%ret@/x")
    } throws: { error in
      error as? StoreError == .unavailable("the store's URL is not one that libpq understands")
    }
  }

  @Test func `an unfinished change of a lost connection is not kept`() async throws {
    let server = try #require(PostgresServer.current)
    let url = try server.makeDatabase()
    let store = try PostgresStore(location: url)
    let cut = SQLStatement("SELECT pg_terminate_backend(pg_backend_pid())")
    let event = StoreTests.event(1, at: 1)
    await #expect(throws: StoreError.self) {
      _ = try await store.write([
        SQLStatement(
          "INSERT INTO event (identifier, occurred, json) VALUES (?, ?, ?)",
          [event.identifier, 1, "{}"]
        ), cut,
      ])
    }
    #expect(try await store.events(from: nil, to: nil, limit: 9).isEmpty)
  }

  @Test func `of two managers one acts, and the other at once when the first resigns`()
    async throws
  {
    let url = try #require(PostgresServer.current).makeDatabase()
    let first = try PostgresStore(location: url)
    let second = try PostgresStore(location: url)
    let (isWaiting, waiting) = AsyncStream.makeStream(of: String.self)
    try await first.becomeActive(onWaiting: { _ in }, onLost: { _ in Issue.record("lost") })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await second.becomeActive(onWaiting: { waiting.yield($0) }, onLost: { _ in })
      }
      for await reason in isWaiting {
        #expect(reason == "another manager of the site is active")
        break
      }
      try await first.save(StoreTests.event(1, at: 1))
      let resigned = ContinuousClock.now
      try await first.close()
      try await group.waitForAll()
      #expect(ContinuousClock.now - resigned < .seconds(4))
    }
    try await second.save(StoreTests.event(2, at: 2))
    #expect(try await second.events(from: nil, to: nil, limit: 9).count == 2)
    try await second.close()
  }

  @Test func `an active manager that loses its lock stops before another acts`() async throws {
    let server = try #require(PostgresServer.current)
    let url = try server.makeDatabase()
    let first = try PostgresStore(location: url)
    let second = try PostgresStore(location: url)
    let lost = Mutex<ContinuousClock.Instant?>(nil)
    let (isWaiting, waiting) = AsyncStream.makeStream(of: String.self)
    try await first.becomeActive(
      onWaiting: { _ in },
      onLost: { _ in lost.withLock { $0 = .now } }
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await second.becomeActive(onWaiting: { waiting.yield($0) }, onLost: { _ in })
      }
      for await _ in isWaiting { break }
      try server.cutConnections(to: url, onlyLocks: true)
      try await group.waitForAll()
    }
    let acts = ContinuousClock.now
    let stopped = try #require(lost.withLock { $0 })
    #expect(stopped < acts)
    await #expect(throws: StoreError.unavailable("another manager of the site has taken over")) {
      try await first.save(StoreTests.event(1, at: 1))
    }
    try await second.save(StoreTests.event(2, at: 2))
    #expect(try await first.events(from: nil, to: nil, limit: 9).count == 1)
    try await first.close()
    try await second.save(StoreTests.event(3, at: 3))
    try await second.close()
  }
}
