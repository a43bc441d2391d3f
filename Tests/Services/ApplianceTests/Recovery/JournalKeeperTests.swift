// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

@testable import Appliance

@Suite struct `A recovery appliance's journals` {
  @Test func `are there again after a restart, with what was acknowledged`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    try bench.deliver(.write(0, 0, [1, 2, 3]), .mark(7))
    try bench.restart()
    let status = try #require(bench.status)
    #expect(status.durableSequence == 4)
    #expect(status.sync == .ordered)
    #expect(!status.isConnected)
    #expect(status.latestCheckpoint?.identifier == CheckpointIdentifier(7))
    #expect(status.lastError == "")
    #expect(try bench.connect().durable == SequenceNumber(4))
  }

  @Test func `make sparse replicas with their folders`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.journals.put(RecoveryBench.stream, bench.request)
    let path = bench.request.volumes[1].replicaPath
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
    #expect(size == 300_000)
    #expect(bench.status?.replicaByteCount == 0)
    #expect(bench.status?.sync == .initialSync)
  }

  @Test func `make a thick replica of all its space, at once or when it becomes thick`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    var request = bench.request
    request.volumes[0].isThick = true
    try bench.journals.put(RecoveryBench.stream, request)
    #expect(bench.status?.replicaByteCount ?? 0 >= 1 << 20)
    try bench.connect()
    try bench.deliver(.syncBegan(1), .syncEnded)
    request.volumes[1].isThick = true
    try bench.journals.put(RecoveryBench.stream, request)
    #expect(bench.status?.replicaByteCount ?? 0 >= 1 << 20 + 300_000)
    try bench.restart()
    #expect(bench.status?.durableSequence ?? 0 > 0)
  }

  @Test func `are told their sender by its site`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.journals.put(RecoveryBench.stream, bench.request)
    #expect(bench.journals.sink(for: RecoveryBench.stream, from: SiteIdentifier("x")) == nil)
    #expect(bench.journals.sink(for: StreamIdentifier("x"), from: RecoveryBench.site) == nil)
  }

  @Test func `write nothing of an older session once a newer one is welcomed`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    let older = bench.session
    for _ in 0..<50 { bench.send([.write(0, 0, [UInt8](repeating: 1, count: 2000))]) }
    let welcome = try bench.connect()
    #expect(older.closedReason != nil)
    let newer = bench.session
    // What an older session still hands over is dropped.
    try #require(bench.journals.sink(for: RecoveryBench.stream, from: RecoveryBench.site))
      .receive(bench.batch([.mark(1)]), session: older)
    #expect(bench.status?.durableSequence == welcome.durable.rawValue)
    _ = try bench.connect()
    #expect(newer.closedReason != nil)
    try bench.deliver(.mark(2))
    #expect(bench.status?.durableSequence == welcome.durable.rawValue + 1)
  }

  @Test func `acknowledge all of many batches`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    for number in 0..<300 as Range<UInt64> {
      bench.send([.write(1, number * 16, [UInt8](repeating: 9, count: 16)), .mark(number)])
    }
    try bench.session.wait(through: SequenceNumber(602))
    #expect(bench.status?.checkpointCount == 300)
  }

  @Test func `end a session that sends what they cannot take`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    #expect(throws: RecordingSession.Closed(reason: "record 3 is damaged")) {
      try bench.deliver(.write(1, 299_999, [1, 2]))
    }
    #expect(bench.status?.isConnected == false)
    #expect(bench.status?.lastError.contains("record 3") == true)
    try bench.connect()
    try bench.deliver(.mark(1))
    #expect(bench.status?.lastError == "")
  }

  @Test func `answer for the newest content, also in the first sync`() async throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.journals.put(RecoveryBench.stream, bench.request)
    try bench.connect()
    try bench.deliver(.syncBegan(1), .write(0, 65_536, [UInt8](repeating: 1, count: 65_536)))
    let first = try await bench.hashes(0, 0, 65_536, 3)
    #expect(first[0] == first[2])
    #expect(first[0] != first[1])
    try bench.deliver(.syncEnded)
    // Not waited for: the answer comes after the record all the same.
    bench.send([.write(0, 0, [UInt8](repeating: 1, count: 65_536))])
    let second = try await bench.hashes(0, 0, 65_536, 2)
    #expect(second == [first[1], first[1]])
    // The last block of the volume is a short one.
    #expect(try await bench.hashes(1, 262_144, 65_536, 1).count == 1)
    await #expect(throws: HashQuestion.Failure.invalidRange) {
      try await bench.hashes(1, 262_144, 65_536, 2)
    }
  }

  @Test func `take nothing while they do not accept, over a restart too`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    try bench.journals.accept(RecoveryBench.stream, AcceptRequest(isAccepting: false))
    #expect(bench.session.closedReason != nil)
    try bench.restart()
    #expect(try bench.connect().isAccepting == false)
    bench.send([.mark(1)])
    try bench.journals.accept(RecoveryBench.stream, AcceptRequest(isAccepting: true))
    #expect(try bench.connect().durable == SequenceNumber(2))
    try bench.deliver(.mark(1))
  }

  @Test func `are committed to a checkpoint for good`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    try bench.deliver(.write(0, 0, [1]), .mark(1), .write(0, 0, [2]), .mark(2))
    for _ in 0..<2 {
      try bench.journals.promote(
        RecoveryBench.stream,
        PromoteRequest(checkpoint: CheckpointIdentifier(1))
      )
    }
    let replica = try Data(contentsOf: URL(filePath: bench.request.volumes[0].replicaPath))
    #expect(replica.first == 1)
    #expect(
      try bench.journals.checkpoints(of: RecoveryBench.stream).map(\.identifier.number) == [1]
    )
    try bench.journals.accept(RecoveryBench.stream, AcceptRequest(isAccepting: true))
    #expect(try bench.connect().isAccepting == false)
  }

  @Test func `change limits, but no replica becomes another disk's`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    var request = bench.request
    request.historyInSeconds = 60
    try bench.journals.put(RecoveryBench.stream, request)
    request.volumes[0].replicaPath += "x"
    request.volumes[0].identifier = VolumeIdentifier("scsi:0:7")
    #expect(throws: ControlFailure.self) {
      try bench.journals.put(RecoveryBench.stream, request)
    }
  }

  @Test(arguments: [true, false])
  func `are deleted with or without their replicas`(keepReplica: Bool) throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    for _ in 0..<2 {
      try bench.journals.delete(RecoveryBench.stream, keepReplica: keepReplica)
    }
    let path = bench.request.volumes[0].replicaPath
    #expect(FileManager.default.fileExists(atPath: path) == keepReplica)
    #expect(bench.session.closedReason != nil)
    try bench.restart()
    #expect(bench.journals.statuses.isEmpty)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: bench.root + "/state/journals") == []
    )
  }

  @Test func `say so when a replica is gone, and go on when it is back`() throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    let path = bench.request.volumes[0].replicaPath
    bench.stop()
    try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
    try bench.restart()
    #expect(bench.status?.lastError == "\(path) is missing")
    #expect(throws: ControlFailure.self) { try bench.connect() }
    try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
    try bench.journals.put(RecoveryBench.stream, bench.request)
    #expect(try bench.connect().durable == SequenceNumber(2))
  }

  @Test(arguments: ["../x", "A", "", "a b"])
  func `refuse names that are no stream's`(name: String) throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    #expect {
      try bench.journals.put(StreamIdentifier(name), bench.request)
    } throws: {
      ($0 as? ControlFailure)?.status == 400
    }
  }
}
