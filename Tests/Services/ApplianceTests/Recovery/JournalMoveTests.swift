// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

@testable import Appliance
@testable import Journal

@Suite struct `A journal that is moved` {
  private static let stream = RecoveryBench.stream

  /// Where another datastore is: on the file system of the first one, or on one of its own.
  enum Datastore: CaseIterable, Sendable {
    case besides, elsewhere

    func path(_ bench: RecoveryBench) -> String {
      switch self {
      case .besides: bench.root + "/other"
      case .elsewhere: "/dev/shm/" + (bench.root as NSString).lastPathComponent
      }
    }
  }

  /// A journal with content in its replicas and in segments, of two points.
  private static func with(
    _ datastore: Datastore = .besides,
    hardLimitInBytes: UInt64 = 1 << 30,
    _ body: (RecoveryBench, JournalRequest) throws -> Void
  ) throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    let path = datastore.path(bench)
    defer { try? FileManager.default.removeItem(atPath: path) }
    var request = bench.placedRequest
    request.hardLimitInBytes = hardLimitInBytes
    try bench.journals.put(stream, request)
    try bench.connect()
    try bench.deliver(.syncBegan(1), .write(0, 8192, [5, 6]), .syncEnded, .mark(6))
    try bench.deliver(.write(0, 0, [1, 2, 3]), .write(1, 100, [4]), .mark(7))
    try body(bench, moved(request, from: bench.pool, to: path))
  }

  private static func moved(
    _ request: JournalRequest,
    from pool: String,
    to other: String
  ) -> JournalRequest {
    var request = request
    for index in request.volumes.indices {
      request.volumes[index].replicaPath.replace(pool, with: other)
    }
    request.journalFolder?.replace(pool, with: other)
    return request
  }

  private static func names(_ path: String) -> Set<String> {
    Set((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
  }

  /// The folder that a request's replicas and journal are in.
  private static func folder(_ request: JournalRequest) -> String {
    (request.volumes[0].replicaPath as NSString).deletingLastPathComponent
  }

  private static func waitForMove(_ bench: RecoveryBench) {
    let keeper = bench.journals.keeper(stream)
    keeper?.monitor.withLock { keeper?.move }?.join()
  }

  private static func read(
    _ bench: RecoveryBench,
    _ checkpoint: UInt64,
    _ volume: Int,
    _ offset: UInt64,
    _ count: Int
  ) throws -> [UInt8] {
    let journal = try bench.journals.known(stream).opened()
    let point = try #require(journal.sequence(of: CheckpointIdentifier(checkpoint)))
    var bytes = [UInt8](repeating: 9, count: count)
    try bytes.withUnsafeMutableBytes {
      try journal.read(volume: volume, at: offset, into: $0, asOf: point)
    }
    return bytes
  }

  /// All that was kept is there, at the places of a request and nowhere else.
  private static func expectAll(_ bench: RecoveryBench, at request: JournalRequest) throws {
    #expect(bench.status?.lastError == "")
    #expect(bench.status?.files.map(\.path).sorted() == paths(request))
    #expect(try read(bench, 6, 0, 0, 3) == [0, 0, 0])
    #expect(try read(bench, 6, 0, 8192, 2) == [5, 6])
    #expect(try read(bench, 7, 0, 0, 3) == [1, 2, 3])
    #expect(try read(bench, 7, 1, 100, 1) == [4])
    let record = try #require(bench.journals.keeper(stream)).record
    #expect(record.destination == nil && record.strays == nil)
    #expect(names(folder(request)) == ["vda.raw", "vdb.raw", "journal-a"])
    for folder in [bench.pool, bench.root + "/other"] where folder + "/web1" != self.folder(request)
    {
      #expect(names(folder + "/web1") == [])
    }
  }

  private static func paths(_ request: JournalRequest) -> [String] {
    (request.volumes.map(\.replicaPath) + [request.journalFolder ?? ""]).sorted()
  }

  private static func reader(_ bench: RecoveryBench) throws -> ExportIdentifier {
    let export = ExportIdentifier("reader")
    let request = ExportRequest(
      stream: stream,
      point: .checkpoint(CheckpointIdentifier(7)),
      overlayFolder: nil
    )
    _ = try bench.exports.put(export, request)
    return export
  }

  // MARK: Going there

  @Test(arguments: Datastore.allCases)
  func `is elsewhere with all its points, and its stream goes on where it was`(
    _ datastore: Datastore
  ) throws {
    try Self.with(datastore) { bench, there in
      let durable = try #require(bench.status?.durableSequence)
      try bench.journals.put(Self.stream, there)
      Self.waitForMove(bench)
      try Self.expectAll(bench, at: there)
      #expect(bench.session.closedReason != nil)
      #expect(try bench.connect().durable == SequenceNumber(durable))
      try bench.deliver(.write(0, 0, [8]), .mark(8))
      #expect(try Self.read(bench, 8, 0, 0, 2) == [8, 2])
      try bench.restart()
      try Self.expectAll(bench, at: there)
      // And back, which is another move.
      try bench.journals.put(Self.stream, bench.placedRequest)
      Self.waitForMove(bench)
      try Self.expectAll(bench, at: bench.placedRequest)
      #expect(try Self.read(bench, 8, 0, 0, 2) == [8, 2])
      #expect(Self.names(Self.folder(there)) == [])
    }
  }

  @Test(arguments: Datastore.allCases)
  func `leaves its appliance's own folder, and comes back to it`(_ datastore: Datastore) throws {
    try Self.with(datastore) { bench, there in
      var home = there
      home.journalFolder = nil
      try bench.journals.put(Self.stream, home)
      Self.waitForMove(bench)
      let own = bench.root + "/state/journals/\(Self.stream)"
      #expect(bench.status?.files.last?.path == own)
      #expect(Self.names(own).isSuperset(of: ["request.json", "state"]))
      #expect(try Self.read(bench, 7, 0, 0, 3) == [1, 2, 3])
      try bench.journals.put(Self.stream, there)
      Self.waitForMove(bench)
      try Self.expectAll(bench, at: there)
      #expect(Self.names(own) == ["request.json"])
    }
  }

  @Test func `takes its closed segments along, which may be many`() throws {
    try Self.with(.elsewhere, hardLimitInBytes: 64 << 20) { bench, there in
      let journal = try bench.journals.known(Self.stream).opened()
      for number in 0..<24 {
        try bench.deliver(.write(0, 65536, [UInt8](repeating: UInt8(number), count: 700_000)))
      }
      try bench.deliver(.mark(8))
      try journal.maintain()
      #expect(journal.statistics.segmentCount > 3)
      try bench.journals.put(Self.stream, there)
      Self.waitForMove(bench)
      #expect(try Self.read(bench, 7, 0, 65536, 1) == [0])
      #expect(try Self.read(bench, 8, 0, 65536, 1) == [23])
      #expect(bench.status?.damage == nil)
    }
  }

  @Test func `waits for the end of its first sync, and of whoever reads it`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.journals.put(Self.stream, bench.placedRequest)
    let there = Self.moved(bench.placedRequest, from: bench.pool, to: bench.root + "/other")
    try bench.journals.put(Self.stream, there)
    try bench.connect()
    try bench.deliver(.syncBegan(1), .write(0, 0, [1, 2, 3]))
    #expect(bench.status?.move != nil)
    #expect(Self.names(Self.folder(bench.placedRequest)).contains("vda.raw"))
    // The reader may come before the move begins, or in the middle of it.
    let journal = try bench.journals.known(Self.stream).opened()
    try bench.deliver(.syncEnded, .mark(7))
    if let token = try? journal.hold(SequenceNumber(bench.status?.durableSequence ?? 0)) {
      #expect(bench.status?.move != nil)
      journal.release(token)
    }
    Self.waitForMove(bench)
    #expect(bench.status?.files.map(\.path).sorted() == Self.paths(there))
    #expect(try Self.read(bench, 7, 0, 0, 3) == [1, 2, 3])
  }

  @Test func `is where it was while an export of it is open`() throws {
    try Self.with { bench, there in
      let export = try Self.reader(bench)
      try bench.journals.put(Self.stream, there)
      try bench.deliver(.write(0, 0, [8]), .mark(8))
      #expect(bench.status?.files.map(\.path).sorted() == Self.paths(bench.placedRequest))
      try bench.exports.delete(export)
      Self.waitForMove(bench)
      #expect(try Self.read(bench, 8, 0, 0, 2) == [8, 2])
      try Self.expectAll(bench, at: there)
    }
  }

  // MARK: Not going there

  @Test func `stays, and leaves nothing there, if it is taken back on the way`() throws {
    try Self.with(.elsewhere) { bench, there in
      let export = try Self.reader(bench)
      try bench.journals.put(Self.stream, there)
      try bench.journals.put(Self.stream, bench.placedRequest)
      #expect(bench.status?.move == nil)
      #expect(Self.names(Self.folder(there)) == [])
      try Self.expectAll(bench, at: bench.placedRequest)
      try bench.exports.delete(export)
      try bench.deliver(.mark(8))
    }
  }

  @Test func `goes with its VM, also on the way`() throws {
    try Self.with(.elsewhere) { bench, there in
      let export = try Self.reader(bench)
      try bench.journals.put(Self.stream, there)
      #expect(throws: ControlFailure.self) {
        try bench.journals.delete(Self.stream, keepReplica: false)
      }
      try bench.exports.delete(export)
      try bench.journals.delete(Self.stream, keepReplica: false)
      #expect(Self.names(Self.folder(there)) == [])
      #expect(Self.names(bench.pool + "/web1") == [])
      #expect(Self.names(bench.root + "/state/journals") == [])
    }
  }

  @Test func `becomes a VM's disk where it is`() throws {
    try Self.with { bench, there in
      let export = try Self.reader(bench)
      try bench.journals.put(Self.stream, there)
      let wish = PromoteRequest(checkpoint: CheckpointIdentifier(7))
      try bench.journals.promote(Self.stream, wish)
      #expect(bench.status?.move == nil)
      #expect(bench.status?.files.map(\.path).sorted() == Self.paths(bench.placedRequest))
      #expect(Self.names(Self.folder(there)) == [])
      try bench.exports.delete(export)
    }
  }

  @Test func `does not go where something is, nor where there is no room`() throws {
    try Self.with { bench, there in
      let path = there.volumes[1].replicaPath
      let folder = Self.folder(there)
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data([7]).write(to: URL(fileURLWithPath: path))
      #expect(throws: ControlFailure.self) { try bench.journals.put(Self.stream, there) }
      #expect(bench.status?.move == nil)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([7]))
      try FileManager.default.removeItem(atPath: path)
      try Self.expectAll(bench, at: bench.placedRequest)

      var room = JournalRoom()
      let replica = bench.placedRequest.volumes[0].replicaPath
      // On one file system a file needs no more room under another name.
      try room.add(replica, byteCount: 1 << 60, to: path)
      try room.check()
      try room.add(replica, byteCount: 1 << 60, to: "/dev/shm/none/vda.raw")
      #expect(throws: ControlFailure.self) { try room.check() }
    }
  }

  // MARK: After a kill

  @Test(arguments: Datastore.allCases)
  func `goes on after a kill before anything was copied`(_ datastore: Datastore) throws {
    try Self.killed(datastore) { record, there in
      record.destination = JournalPlaces(there)
    }
  }

  @Test(arguments: Datastore.allCases)
  func `begins anew after a kill in the middle of the copy`(_ datastore: Datastore) throws {
    try Self.killed(datastore) { record, there in
      let places = JournalPlaces(there)
      record.destination = places
      record.strays = places.without(JournalPlaces(record.request))
      try Self.leaveParts(of: there)
    }
  }

  @Test(arguments: Datastore.allCases)
  func `deletes what it left behind after a kill just after the change`(
    _ datastore: Datastore
  ) throws {
    try Self.killed(datastore) { record, there in
      let before = record.request
      try FileManager.default.createDirectory(
        atPath: Self.folder(there),
        withIntermediateDirectories: true
      )
      for (old, new) in zip(Self.paths(before), Self.paths(there)) {
        try FileManager.default.copyItem(atPath: old, toPath: new)
      }
      record.request = there
      record.strays = JournalPlaces(before).without(JournalPlaces(there))
    }
  }

  @Test func `deletes what it had there after a kill while it was taken back`() throws {
    try Self.with(.elsewhere) { bench, there in
      try Self.kill(bench) { record in
        record.strays = JournalPlaces(there).without(JournalPlaces(record.request))
        try Self.leaveParts(of: there)
      }
      try Self.expectAll(bench, at: bench.placedRequest)
      #expect(Self.names(Self.folder(there)) == [])
    }
  }

  @Test func `keeps what it left behind while the copy cannot be opened`() throws {
    try Self.with { bench, there in
      try Self.kill(bench) { record in
        record.strays = JournalPlaces(record.request).without(JournalPlaces(there))
        record.request = there
      }
      #expect(bench.status?.lastError.isEmpty == false)
      let names = Self.names(Self.folder(bench.placedRequest))
      #expect(names == ["vda.raw", "vdb.raw", "journal-a"])
    }
  }

  private static func killed(
    _ datastore: Datastore,
    _ change: (inout JournalRecord, JournalRequest) throws -> Void
  ) throws {
    try with(datastore) { bench, there in
      try kill(bench) { record in try change(&record, there) }
      waitForMove(bench)
      try expectAll(bench, at: there)
      #expect(names(folder(bench.placedRequest)) == [])
    }
  }

  /// Starts an appliance with the record that another one was killed with.
  private static func kill(
    _ bench: RecoveryBench,
    _ change: (inout JournalRecord) throws -> Void
  ) throws {
    bench.stop()
    let path = bench.root + "/state/journals/\(stream)/request.json"
    let url = URL(fileURLWithPath: path)
    var record = try JSONDecoder().decode(JournalRecord.self, from: Data(contentsOf: url))
    try change(&record)
    try JSONEncoder().encode(record).write(to: url)
    try bench.restart()
  }

  /// A copy that was not made to its end.
  private static func leaveParts(of request: JournalRequest) throws {
    let journal = try #require(request.journalFolder)
    try FileManager.default.createDirectory(atPath: journal, withIntermediateDirectories: true)
    for path in [
      request.volumes[0].replicaPath, request.volumes[1].replicaPath + ".tmp",
      journal + "/owner-host1", journal + "/0000000000000001.journal.tmp", journal + "/state",
    ] {
      try Data([7]).write(to: URL(fileURLWithPath: path))
    }
  }
}
