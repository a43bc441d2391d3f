// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import RecoveryModel
import SQLiteStore
import Store
import Testing

/// A store's file in a folder of its own.
final class StoreFile {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("understudy-store-\(UUID().uuidString)")
  var path: String { folder.appendingPathComponent("manager.sqlite").path }

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}

@Suite struct SQLiteStoreTests {
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

  @Test func `everything survives a reopen`() async throws {
    let file = try StoreFile()
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
    do {
      let store = try SQLiteStore(path: file.path)
      try await store.save(Self.peer)
      try await store.save(user)
      try await store.save(token)
      try await store.save(workflow)
      try await store.save(Self.vpg("web", 1))
      try await store.save(Self.task(1, started: 1))
      try await store.save(Self.event(1, at: 1))
      try store.close()
    }
    let store = try SQLiteStore(path: file.path)
    #expect(try await store.peers() == [Self.peer])
    #expect(try await store.user("ann") == user)
    #expect(try await store.pairingTokens() == [token])
    #expect(try await store.workflows() == [workflow])
    #expect(try await store.vpgs() == [Self.vpg("web", 1)])
    #expect(try await store.tasks() == [Self.task(1, started: 1)])
    #expect(try await store.event("event-1") == Self.event(1, at: 1))
  }

  @Test func `a token can be taken once`() async throws {
    let file = try StoreFile()
    let store = try SQLiteStore(path: file.path)
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

  @Test func `a record that is saved again replaces the first, a task keeps its place`()
    async throws
  {
    let file = try StoreFile()
    let store = try SQLiteStore(path: file.path)
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
  }

  @Test func `events are found by time, newest first, no more than asked for`() async throws {
    let file = try StoreFile()
    let store = try SQLiteStore(path: file.path)
    for number in 1...5 { try await store.save(Self.event(number, at: Int64(number * 100))) }
    let some = try await store.events(
      from: WallTime(milliseconds: 200),
      to: WallTime(milliseconds: 400),
      limit: 2
    )
    #expect(some.map(\.identifier) == ["event-4", "event-3"])
    #expect(try await store.events(from: nil, to: nil, limit: 100).count == 5)
  }

  @Test func `what is removed is gone`() async throws {
    let file = try StoreFile()
    let store = try SQLiteStore(path: file.path)
    try await store.save(Self.peer)
    try await store.save(Self.vpg("web", 1))
    try await store.removePeer(Self.peer.site)
    try await store.removeVPG(VPGIdentifier("vpg-1"))
    #expect(try await store.peers().isEmpty)
    #expect(try await store.vpgs().isEmpty)
    #expect(try await store.user("nobody") == nil)
  }

  @Test func `a file that is no database is refused`() throws {
    let file = try StoreFile()
    try Data("this is not a database, and long enough to be taken for none".utf8)
      .write(to: URL(fileURLWithPath: file.path))
    #expect {
      try SQLiteStore(path: file.path)
    } throws: { error in
      if case StoreError.corrupt = error { true } else { false }
    }
  }

  @Test func `only the owner can read the file`() throws {
    let file = try StoreFile()
    let store = try SQLiteStore(path: file.path)
    let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    try store.close()
  }

  @Test func `exports are there after a reopen, newest first, until they are removed`()
    async throws
  {
    let file = try StoreFile()
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
      let store = try SQLiteStore(path: file.path)
      for export in exports { try await store.save(export) }
      try store.close()
    }
    let store = try SQLiteStore(path: file.path)
    #expect(try await store.vpgExports() == [exports[0], exports[2], exports[1]])
    try await store.removeVPGExport(at: WallTime(milliseconds: 2000))
    #expect(try await store.vpgExports() == [exports[0], exports[1]])
  }

  @Test func `a VPG that an older manager stored is read`() async throws {
    let file = try StoreFile()
    try SQLiteStore(path: file.path).close()
    let database = try DatabaseQueue(path: file.path)
    try await database.write { connection in
      try connection.execute(
        sql: "INSERT INTO vpg (identifier, json) VALUES ('vpg-1', ?)",
        arguments: [Self.oldVPG]
      )
    }
    try database.close()
    let record = try #require(try await SQLiteStore(path: file.path).vpgs().first)
    #expect(record.definition.name == "web" && record.suspensions.isEmpty)
    let vm = try #require(record.definition.vms.first)
    #expect(vm.volumes[0].target == "vda" && vm.volumes[0].isThin == nil)
    #expect(vm.nics[0].failover.replacesAddresses == nil && vm.replicaFolder == nil)
  }

  /// As the first version of the manager wrote it.
  private static let oldVPG = #"""
    {"definition":{"bootGroups":[{"delayInSeconds":0,"identifier":"g","name":"Default"}],
    "description":"","generation":3,"identifier":"vpg-1","journal":{"hardLimitInMB":153600},
    "name":"web","networks":{},"policy":{"checkpointIntervalInSeconds":5,
    "journalHistoryInHours":24,"priority":1,"rpoTargetInSeconds":300,
    "testIntervalInMinutes":262080,"usesWANCompression":true},"protectedSite":"a","recovery":{},
    "recoverySite":"b","scratch":{},"scripting":{"postRecovery":{"timeoutInSeconds":300},
    "preRecovery":{"timeoutInSeconds":300}},"vms":[{"hardware":{"architecture":"x86_64",
    "cpuCount":1,"firmware":"bios","hasGuestAgent":true,"macAddresses":["52:54:00:00:00:01"],
    "machine":"q35","memoryInMB":64},"identifier":"vm-1","name":"web1","nics":[{"failover":
    {"replacesMACAddress":false,"usesDHCP":false},"failoverTest":{"replacesMACAddress":false,
    "usesDHCP":false},"identifier":"Network adapter 1"}],"stream":"s","volumes":[{"byteCount":
    1048576,"identifier":"scsi:0:0","target":"vda"}]}]},"isPaused":false,"phase":"protecting",
    "shutDown":[]}
    """#
}
