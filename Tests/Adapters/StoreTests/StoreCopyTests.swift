// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Store
import Testing

@Suite(.withPostgres) struct StoreCopyTests {
  @Test(arguments: StoreKind.allCases, StoreKind.allCases)
  func `a copy has all of every table, in its order`(
    _ kind: StoreKind,
    _ other: StoreKind
  ) async throws {
    let (place, otherPlace) = (try StorePlace(kind), try StorePlace(other))
    let (source, target) = (try place.open(), try otherPlace.open())
    try await source.save(StoreTests.peer)
    try await source.save(UserRecord(name: "ann", passwordHash: "$y$x?"))
    for number in 1...5 { try await source.save(StoreTests.vpg("v\(number)", number)) }
    for number in 1...3 { try await source.save(StoreTests.task(number, started: 10)) }
    // More than are copied at once, all of one instant, so that only their order tells them apart.
    try await source.save((1...2500).map { StoreTests.event($0, at: 7) })

    let counts = try await StoreCopy(from: source, to: target).run()
    #expect(counts.first { $0.table == "event" }?.rows == 2500)
    #expect(try await target.peers() == source.peers())
    #expect(try await target.user("ann") == source.user("ann"))
    #expect(try await target.vpgs() == source.vpgs())
    #expect(try await target.tasks() == source.tasks())
    let (copied, events) = (
      try await target.events(from: nil, to: nil, limit: 9999),
      try await source.events(from: nil, to: nil, limit: 9999)
    )
    #expect(copied == events)
  }

  @Test func `a store that holds anything is not copied into`() async throws {
    let (source, target) = (try StorePlace(.sqlite).open(), try StorePlace(.postgres).open())
    try await source.save(StoreTests.peer)
    try await target.save(RoleRecord(subject: "os:ann", role: "viewer"))
    await #expect(throws: StoreCopy.Refusal.notEmpty(table: "role")) {
      _ = try await StoreCopy(from: source, to: target).run()
    }
    #expect(try await target.peers().isEmpty)
    #expect(try await target.roles().count == 1)
  }
}
