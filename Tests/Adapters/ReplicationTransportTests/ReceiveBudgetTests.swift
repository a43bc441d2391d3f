// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Identity
import Logging
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

/// What a listener keeps of streams whose disks are slow or stuck.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct ReceiveBudgetTests {
  static let streams = [
    StreamIdentifier("a0000000-0000-4000-8000-000000000000"),
    StreamIdentifier("b0000000-0000-4000-8000-000000000000"),
  ]
  let sites: TwoSites
  let sinks = [MemorySink(), MemorySink()]

  init() throws { sites = try TwoSites() }

  func listener(memoryByteCount: Int) async throws -> StreamListener {
    let table = Dictionary(uniqueKeysWithValues: zip(Self.streams, sinks))
    let listener = try StreamListener(
      host: "127.0.0.1",
      port: 0,
      identity: sites.identity(of: TwoSites.paris),
      trust: sites.trust,
      memoryByteCount: memoryByteCount,
      logger: StreamTransportTests.quiet
    ) { stream, _ in table[stream] }
    try await listener.start()
    return listener
  }

  func peer(of listener: StreamListener) async throws -> RawPeer {
    while true {
      let peer = try await RawPeer(
        port: #require(listener.boundPort),
        identity: sites.identity(of: TwoSites.london),
        trust: sites.trust,
        reads: true
      )
      let hello = ControlMessage.hello(version: ControlMessage.version, stream: Self.streams[0])
      peer.send(hello.encoded())
      if await peer.isWelcomed() { return peer }
    }
  }

  /// A frame of one write of 512 bytes.
  static func frame(_ number: Int) -> [UInt8] {
    let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 512)
    let batch = RecordBatch(payloadCapacity: 0)
    let record = StreamRecord(
      sequence: SequenceNumber(UInt64(number)),
      time: WallTime(milliseconds: 1),
      kind: .write,
      offset: UInt64(number) * 512,
      length: 512,
      payloadChecksum: payload.withUnsafeBytes { payloadChecksum($0) }
    )
    payload.withUnsafeBytes { batch.append(record, payload: $0) }
    let head = DataFrame.headByteCount(recordCount: 1)
    var frame = [UInt8](repeating: 0, count: head) + payload
    frame.withUnsafeMutableBytes { bytes in
      DataFrame.encodeHead(batch, into: bytes)
      FrameHeader.seal(frame: bytes, kind: .data)
    }
    return frame
  }

  func count(_ sink: MemorySink) -> Int { sink.monitor.withLock { sink.payloads.count } }

  func waits(for number: Int, in sink: MemorySink) async -> Bool {
    for _ in 0..<3000 {
      if count(sink) >= number { return true }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return false
  }

  @Test func `a flood of small frames is not read on while the disk is stuck, nor is it lost`()
    async throws
  {
    let listener = try await listener(memoryByteCount: 2 << 20)
    sinks[0].stick(true)
    let frames = 2000
    let bytes = (1...frames).flatMap(Self.frame)
    let peer = try await peer(of: listener)
    peer.send(bytes)
    // For longer than a peer may be silent: nothing it says is heard meanwhile.
    #expect(await peer.hearsPings(7))
    // Each frame keeps two pages at least, however short it is; half of the limit is one link's.
    #expect((1...128).contains(count(sinks[0])))
    sinks[0].stick(false)
    #expect(await waits(for: frames, in: sinks[0]))
    peer.close()
    await listener.stop()
  }

  @Test func `a peer that leaves while it is not read ends its session`() async throws {
    let listener = try await listener(memoryByteCount: 1 << 20)
    sinks[0].stick(true)
    let bytes = (1...500).flatMap(Self.frame)
    let peer = try await peer(of: listener)
    peer.send(bytes)
    #expect(await waits(for: 50, in: sinks[0]))
    peer.close()
    let sink = sinks[0]
    #expect(
      await onThread {
        let deadline = Monitor.now() + 10_000
        return sink.monitor.withLock {
          while sink.closedCount == 0 {
            guard sink.monitor.wait(until: deadline) else { return false }
          }
          return true
        }
      }
    )
    await listener.stop()
  }

  @Test func `a stream whose disk is stuck leaves room to another one`() async throws {
    let listener = try await listener(memoryByteCount: 2 << 20)
    let sources = [MemorySource(), MemorySource()]
    sinks[0].stick(true)
    var senders: [StreamSender] = []
    for (stream, source) in zip(Self.streams, sources) {
      for number in 0..<300 {
        source.add([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 64 << 10))
      }
      let sender = try StreamSender(
        stream: stream,
        settings: .init(
          host: "127.0.0.1",
          port: #require(listener.boundPort),
          site: TwoSites.paris,
          compression: .none
        ),
        identity: sites.identity(of: TwoSites.london),
        trust: sites.trust,
        source: source,
        logger: StreamTransportTests.quiet
      )
      sender.start()
      senders.append(sender)
    }
    #expect(await sources[1].wait { $0.acknowledged == 300 })
    // Half of the memory, and a frame of half a MiB that was on its way.
    #expect(count(sinks[0]) <= 32)
    sinks[0].stick(false)
    #expect(await sources[0].wait { $0.acknowledged == 300 })
    for sender in senders { await onThread { sender.stop() } }
    await listener.stop()
  }
}
