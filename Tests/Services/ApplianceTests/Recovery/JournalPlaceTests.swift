// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel
import ReplicationProtocol
import Testing

@testable import Appliance

@Suite struct `A journal on a datastore` {
  private static let stream = RecoveryBench.stream

  private static func names(_ path: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
  }

  /// What refuses something, in words.
  private static func refusal(_ body: () throws -> Void) -> String {
    do { try body() } catch let error as ControlFailure {
      return error.message
    } catch {
      return "\(error)"
    }
    return ""
  }

  /// Makes and closes two appliances that see one datastore; the first one has the journal.
  private static func withTwo(_ body: (RecoveryBench, RecoveryBench) throws -> Void) throws {
    let first = try RecoveryBench()
    defer { first.tearDown() }
    let second = try RecoveryBench(owner: "host2", seeing: first)
    defer { second.tearDown() }
    try first.prepare(first.placedRequest)
    try first.deliver(.write(0, 4096, [1, 2, 3]), .mark(7))
    try body(first, second)
  }

  @Test func `is kept there, is there again after a restart, and goes with its VM`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    let request = bench.placedRequest
    let folder = try #require(request.journalFolder)
    try bench.prepare(request)
    try bench.deliver(.write(0, 0, [1, 2, 3]), .mark(7))
    #expect(bench.status?.files.last?.path == folder)
    #expect(Self.names(folder).contains("state"))
    #expect(Self.names(bench.root + "/state/journals/\(Self.stream)") == ["request.json"])
    try bench.restart()
    #expect(bench.status?.latestCheckpoint?.identifier == CheckpointIdentifier(7))
    try bench.journals.delete(Self.stream, keepReplica: false)
    #expect(Self.names(bench.pool + "/web1") == [])
    #expect(Self.names(bench.root + "/state/journals") == [])
  }

  @Test func `is not made anew while its datastore is away, and is there when that comes back`()
    throws
  {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare(bench.placedRequest)
    try bench.deliver(.write(0, 0, [1, 2, 3]), .mark(7))
    bench.stop()
    try FileManager.default.moveItem(atPath: bench.pool, toPath: bench.root + "/away")
    try bench.restart()
    #expect(bench.status?.lastError.contains("the datastore is not mounted") == true)
    #expect(!FileManager.default.fileExists(atPath: bench.pool))
    #expect(throws: ControlFailure.self) {
      try bench.journals.put(Self.stream, bench.placedRequest)
    }
    try FileManager.default.moveItem(atPath: bench.root + "/away", toPath: bench.pool)
    try bench.journals.put(Self.stream, bench.placedRequest)
    #expect(bench.status?.latestCheckpoint?.identifier == CheckpointIdentifier(7))
  }

  @Test func `in its appliance's own folder is not given away`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    #expect(throws: ControlFailure.self) { try bench.journals.handOver(Self.stream) }
    #expect(bench.status?.durableSequence ?? 0 > 0)
  }

  @Test func `is one appliance's, and is not made or taken by another`() throws {
    try Self.withTwo { first, second in
      let put = Self.refusal { try second.journals.put(Self.stream, second.placedRequest) }
      #expect(put.contains("the appliance host1's"))
      let take = Self.refusal { try second.journals.takeOver(Self.stream, second.placedRequest) }
      #expect(take.contains("the appliance host1's"))
      #expect(second.journals.statuses.isEmpty)
      #expect(Self.names(second.root + "/state/journals") == [])
      try first.deliver(.write(0, 0, [9]), .mark(8))
    }
  }

  @Test func `goes to another appliance whole, and its stream goes on where it was`() throws {
    try Self.withTwo { first, second in
      let durable = try #require(first.status?.durableSequence)
      try first.journals.handOver(Self.stream)
      #expect(first.session.closedReason != nil)
      #expect(first.journals.statuses.isEmpty)
      // Said again, and after a restart, it is done.
      try first.restart()
      try first.journals.handOver(Self.stream)
      // Nobody has it now: it is not made anew either.
      let put = Self.refusal { try first.journals.put(Self.stream, first.placedRequest) }
      #expect(put.contains("given away"))
      try second.journals.takeOver(Self.stream, second.placedRequest)
      try second.journals.takeOver(Self.stream, second.placedRequest)
      #expect(second.status?.latestCheckpoint?.identifier == CheckpointIdentifier(7))
      #expect(try second.connect().durable == SequenceNumber(durable))
      try second.deliver(.write(0, 4096, [4]), .mark(8))
      try second.restart()
      #expect(second.status?.latestCheckpoint?.identifier == CheckpointIdentifier(8))
      let back = Self.refusal { try first.journals.takeOver(Self.stream, first.placedRequest) }
      #expect(back.contains("the appliance host2's"))
      #expect(Self.names(second.pool + "/web1").allSatisfy { !$0.hasSuffix(".released") })
      try second.journals.delete(Self.stream, keepReplica: false)
      #expect(Self.names(second.pool + "/web1") == [])
    }
  }

  @Test func `comes back to the first appliance if the second one cannot have it`() throws {
    try Self.withTwo { first, second in
      let replica = first.placedRequest.volumes[1].replicaPath
      try first.journals.handOver(Self.stream)
      // As if the second one saw other storage at the same path.
      try FileManager.default.removeItem(atPath: replica + ".released")
      let take = Self.refusal { try second.journals.takeOver(Self.stream, second.placedRequest) }
      #expect(take.contains("is another file"))
      #expect(second.journals.statuses.isEmpty)
      try Data().write(to: URL(fileURLWithPath: replica + ".released"))
      try first.journals.takeOver(Self.stream, first.placedRequest)
      #expect(first.status?.latestCheckpoint?.identifier == CheckpointIdentifier(7))
      try first.connect()
      try first.deliver(.mark(8))
    }
  }

  @Test func `is not given away while somebody reads it`() throws {
    try Self.withTwo { first, _ in
      let export = ExportIdentifier("reader")
      _ = try first.exports.put(
        export,
        ExportRequest(
          stream: Self.stream,
          point: .checkpoint(CheckpointIdentifier(7)),
          overlayFolder: nil
        )
      )
      #expect(Self.refusal { try first.journals.handOver(Self.stream) }.contains("export"))
      try first.deliver(.mark(8))
      try first.exports.delete(export)
      try first.journals.handOver(Self.stream)
    }
  }

  @Test func `is left and taken to the end by appliances that were killed on the way`() throws {
    try Self.withTwo { first, second in
      // The first one recorded that it leaves it, and did no more.
      first.stop()
      var file = try Self.record(first)
      file = file.replacing("\"isAccepting\"", with: "\"passage\" : \"leaving\", \"isAccepting\"")
      try Self.set(file, first)
      try first.restart()
      #expect(first.journals.statuses.isEmpty)
      // The second one took it, and did not open it.
      try second.journals.takeOver(Self.stream, second.placedRequest)
      second.stop()
      file = try Self.record(second)
      file = file.replacing("\"isAccepting\"", with: "\"passage\" : \"coming\", \"isAccepting\"")
      try Self.set(file, second)
      try second.restart()
      #expect(second.status?.latestCheckpoint?.identifier == CheckpointIdentifier(7))
      #expect(try !Self.record(second).contains("passage"))
    }
  }

  private static func path(_ bench: RecoveryBench) -> String {
    bench.root + "/state/journals/\(stream)/request.json"
  }

  private static func record(_ bench: RecoveryBench) throws -> String {
    try String(contentsOfFile: path(bench), encoding: .utf8)
  }

  private static func set(_ record: String, _ bench: RecoveryBench) throws {
    try record.write(toFile: path(bench), atomically: true, encoding: .utf8)
  }
}
