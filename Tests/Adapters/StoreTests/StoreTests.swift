// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PostgresStore
import RecoveryModel
import SQLiteStore
import Store
import Testing

/// The kinds of store, which all pass the same tests.
enum StoreKind: CaseIterable, Sendable {
  case sqlite, postgres
}

/// Where a store of a kind is kept, empty at first.
struct StorePlace {
  private let file: StoreFile
  let url: String?

  init(_ kind: StoreKind) throws {
    file = try StoreFile()
    url =
      switch kind {
      case .sqlite: nil
      case .postgres: try #require(PostgresServer.current).makeDatabase()
      }
  }

  func open() throws -> any SQLStore {
    if let url { try PostgresStore(location: url) } else { try SQLiteStore(path: file.path) }
  }
}

@Suite(.withPostgres) struct StoreTests {
  /// A record whose members are all set to something else than they are at first.
  static func vpg(_ name: String, _ number: Int) -> VPGRecord {
    var record = VPGRecord(
      definition: VPGDefinition(
        identifier: VPGIdentifier("vpg-\(number)"),
        name: name,
        protectedSite: SiteIdentifier("a"),
        recoverySite: SiteIdentifier("b")
      ),
      isPaused: true,
      lastTest: WallTime(milliseconds: 7),
      phase: .failingOver,
      shutDown: [VMIdentifier("vm-1")]
    )
    record.deletion = .init(keepsReplicas: true, phaseBefore: .recovered)
    record.suspensions = [
      TapSuspension(vm: VMIdentifier("vm-1"), volume: nil, until: WallTime(milliseconds: 9))
    ]
    record.pending = record.definition
    record.pending?.generation += 1
    record.changes = ["2", "1"].map { [before = record.definition] task in
      .init(before: before, asked: before, task: TaskIdentifier(task), user: "ann")
    }
    return record
  }

  static func task(_ number: Int, started: Int64) -> TaskRecord {
    TaskRecord(
      identifier: TaskIdentifier("task-\(number).a"),
      kind: .failover,
      initiatedBy: "ann",
      started: WallTime(milliseconds: started),
      vpgs: [VPGIdentifier("v")]
    )
  }

  static func event(_ number: Int, at time: Int64) -> EventRecord {
    EventRecord(
      identifier: "event-\(number)",
      kind: .createVPG,
      occurred: WallTime(milliseconds: time),
      description: "It's \"done\"",
      succeeded: true,
      userName: "ann",
      vpgs: [VPGIdentifier("v")],
      site: SiteIdentifier("a")
    )
  }

  static let peer = PeerRecord(
    site: SiteIdentifier("b"),
    name: "paris",
    location: "FR",
    version: "1.0",
    host: "h",
    port: 9081,
    authority: "PEM",
    pairedAt: WallTime(milliseconds: 5)
  )

  @Test(arguments: StoreKind.allCases) func `everything survives a reopen`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let user = UserRecord(name: "ann", passwordHash: "$y$x")
    let token = PairingTokenRecord(
      identifier: "t",
      secret: [0, 255],
      expires: WallTime(milliseconds: 9)
    )
    let workflow = WorkflowRecord(
      identifier: "w",
      vpg: VPGIdentifier("v"),
      kind: "failover",
      state: "{}"
    )
    let blueprint = BlueprintRecord(
      stream: StreamIdentifier("s"),
      blueprint: VMBlueprint(
        definition: "<domain/>",
        files: [VMBlueprint.File(kind: .tpm, name: "n", content: "c")]
      )
    )
    do {
      let store = try place.open()
      try await store.save(blueprint)
      try await store.save(Self.peer)
      try await store.save(user)
      try await store.save(token)
      try await store.save(workflow)
      try await store.save(Self.vpg("web", 1))
      try await store.save(Self.task(1, started: 1))
      try await store.save(Self.event(1, at: 1))
      try await store.close()
    }
    let store = try place.open()
    #expect(try await store.peers() == [Self.peer])
    #expect(try await store.user("ann") == user)
    #expect(try await store.pairingTokens() == [token])
    #expect(try await store.workflows() == [workflow])
    #expect(try await store.vpgs() == [Self.vpg("web", 1)])
    #expect(try await store.tasks() == [Self.task(1, started: 1)])
    #expect(try await store.event("event-1") == Self.event(1, at: 1))
    #expect(try await store.blueprint(of: blueprint.stream) == blueprint)
    try await store.removeBlueprint(of: blueprint.stream)
    #expect(try await store.blueprint(of: blueprint.stream) == nil)
  }

  @Test func `the one change of a VPG that an older record has is read`() throws {
    let record = Self.vpg("web", 1)
    let written = try JSONEncoder().encode(record)
    var older = try #require(
      try JSONSerialization.jsonObject(with: written) as? [String: Any]
    )
    let changes = try #require(older.removeValue(forKey: "changes") as? [Any])
    older["change"] = changes[0]
    let read = try JSONDecoder().decode(
      VPGRecord.self,
      from: JSONSerialization.data(withJSONObject: older)
    )
    #expect(read.changes == [record.changes[0]])
    older["change"] = nil
    let none = try JSONSerialization.data(withJSONObject: older)
    #expect(try JSONDecoder().decode(VPGRecord.self, from: none).changes.isEmpty)
  }

  @Test(arguments: StoreKind.allCases) func `a token can be taken once`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    try await store.save(
      PairingTokenRecord(identifier: "t", secret: [1], expires: WallTime(milliseconds: 1))
    )
    let takers = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { ((try? await store.takePairingToken("t")) ?? nil) != nil }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(takers == 1)
  }

  @Test(arguments: StoreKind.allCases)
  func `a record that is saved again replaces the first, a task keeps its place`(
    _ kind: StoreKind
  )
    async throws
  {
    let place = try StorePlace(kind)
    let store = try place.open()
    try await store.save(Self.vpg("web", 1))
    try await store.save(Self.vpg("mail", 1))
    #expect(try await store.vpgs().map(\.definition.name) == ["mail"])
    try await store.save(Self.task(1, started: 10))
    try await store.save(Self.task(2, started: 10))
    var first = Self.task(1, started: 10)
    first.progress = 50
    try await store.save(first)
    #expect(try await store.tasks().map(\.identifier.rawValue) == ["task-2.a", "task-1.a"])
    #expect(try await store.task(first.identifier)?.progress == 50)
    try await store.save(Self.task(3, started: 11))
    let late = try await store.tasks(since: WallTime(milliseconds: 11))
    #expect(late.map(\.identifier.rawValue) == ["task-3.a"])
  }

  @Test(arguments: StoreKind.allCases)
  func `up to when a peer was heard is kept for each peer`(_ kind: StoreKind) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    #expect(try await store.heardHistory(of: SiteIdentifier("a")) == nil)
    for (site, until) in [("a", 1), ("b", 2), ("a", 3)] {
      let time = WallTime(milliseconds: Int64(until))
      try await store.save(HeardHistoryRecord(site: SiteIdentifier(site), until: time))
    }
    #expect(
      try await store.heardHistory(of: SiteIdentifier("a"))?.until == WallTime(milliseconds: 3)
    )
    #expect(
      try await store.heardHistory(of: SiteIdentifier("b"))?.until == WallTime(milliseconds: 2)
    )
  }

  @Test(arguments: StoreKind.allCases)
  func `what hosts had when they last answered is kept as a whole`(_ kind: StoreKind) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    #expect(try await store.hostsLastSeen() == nil)
    for hosts in [["a": "{}", "b": "{}"], ["a": "{\"x\": 1}"]] {
      let record = HostsLastSeenRecord(hosts: hosts)
      try await store.save(record)
      #expect(try await store.hostsLastSeen() == record)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `events are found by time, newest first, no more than asked for`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    for number in 1...5 { try await store.save(Self.event(number, at: Int64(number * 100))) }
    let some = try await store.events(
      from: WallTime(milliseconds: 200),
      to: WallTime(milliseconds: 400),
      limit: 2
    )
    #expect(some.map(\.identifier) == ["event-4", "event-3"])
    #expect(try await store.events(from: nil, to: nil, limit: 100).count == 5)
  }

  @Test(arguments: StoreKind.allCases) func `what is removed is gone`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    try await store.save(Self.peer)
    try await store.save(Self.vpg("web", 1))
    try await store.removePeer(Self.peer.site)
    try await store.removeVPG(VPGIdentifier("vpg-1"))
    #expect(try await store.peers().isEmpty)
    #expect(try await store.vpgs().isEmpty)
    #expect(try await store.user("nobody") == nil)
  }

  @Test(arguments: StoreKind.allCases)
  func `exports are there after a reopen, newest first, until they are removed`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let exports = [3, 1, 2].map { number in
      VPGExportRecord(
        time: WallTime(milliseconds: Int64(number) * 1000),
        vpgs: [
          VPGExportRecord.Entry(
            definition: Self.vpg("web", number).definition,
            protectedSiteName: "london",
            recoverySiteName: "paris"
          )
        ]
      )
    }
    do {
      let store = try place.open()
      for export in exports { try await store.save(export) }
      try await store.close()
    }
    let store = try place.open()
    #expect(try await store.vpgExports() == [exports[0], exports[2], exports[1]])
    try await store.removeVPGExport(at: WallTime(milliseconds: 2000))
    #expect(try await store.vpgExports() == [exports[0], exports[1]])
  }

  @Test(arguments: StoreKind.allCases) func `events are kept all or none`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    try await store.save((1...300).map { Self.event($0, at: 5) })
    #expect(
      try await store.events(from: nil, to: nil, limit: 1000).first?.identifier == "event-300"
    )
    let broken = SQLStatement("INSERT INTO event (identifier) VALUES (?)", ["x"])
    await #expect(throws: StoreError.self) {
      _ = try await store.write([SQLStatement("DELETE FROM event"), broken])
    }
    #expect(try await store.events(from: nil, to: nil, limit: 1000).count == 300)
  }

  @Test(arguments: StoreKind.allCases) func `keys are ordered by their bytes, whatever they hold`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    let subjects = ["os:B", "os:a", "os:b", "os:é", "os:'; DROP TABLE role; --?"]
    for subject in subjects { try await store.save(RoleRecord(subject: subject, role: "$1?")) }
    let found = try await store.roles()
    #expect(found.map(\.subject) == subjects.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(found.allSatisfy { $0.role == "$1?" })
  }

  @Test(arguments: StoreKind.allCases) func `what is saved at once by many is all there`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<50 { group.addTask { try await store.save(Self.vpg("v", number)) } }
      try await group.waitForAll()
    }
    #expect(try await store.vpgs().count == 50)
  }
}
