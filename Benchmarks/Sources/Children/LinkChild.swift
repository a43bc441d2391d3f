// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Identity
import Logging
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Synchronization

/// The product's link alone, with TLS over loopback.
///
/// The source never runs dry, the sink acknowledges at once, and nothing is compressed.
enum LinkChild {
  /// Says how many MB it carried in a second; its arguments are milliseconds and a folder.
  static func run(_ words: inout Child.Words) async throws {
    let milliseconds = try words.number()
    let sites = try Sites(folder: try words.next())
    let stream = StreamIdentifier("bench")
    let sink = DiscardingSink()
    let logger = Logger(label: "bench") { StreamLogHandler.standardError(label: $0) }
    let listener = try StreamListener(
      host: "127.0.0.1",
      port: 0,
      identity: sites.identity(of: Sites.recovery, role: .appliance),
      trust: sites.trust,
      logger: logger
    ) { _, _ in sink }
    try await listener.start()
    let sender = try StreamSender(
      stream: stream,
      settings: StreamSender.Settings(
        host: "127.0.0.1",
        port: listener.boundPort ?? 0,
        site: Sites.recovery,
        compression: .none
      ),
      identity: sites.identity(of: Sites.protected, role: .appliance),
      trust: sites.trust,
      source: EndlessSource(),
      logger: logger
    )
    sender.start()
    try await waitUntil("the link carries something") { sink.byteCount > 64 << 20 }
    let (began, before) = (now(), sink.byteCount)
    try await Task.sleep(for: .milliseconds(milliseconds))
    let rate = Double(sink.byteCount - before) / (now() - began)
    say("\(rate / 1e6)")
    exit(0)
  }
}

/// Writes of 64 KiB without end.
///
/// `@unchecked Sendable`: the sender calls from one thread alone.
private final class EndlessSource: StreamSource, @unchecked Sendable {
  private static let writeSize = 64 << 10
  private let sample: Sample
  private let checksums: [UInt32]
  private let blockCount = 256

  init() throws {
    let sample = try Sample(.incompressible)
    self.sample = sample
    checksums = (0..<blockCount).map { payloadChecksum(sample.block($0, Self.writeSize)) }
  }

  func take(
    after sequence: SequenceNumber,
    into batch: RecordBatch,
    byteLimit: Int,
    waitMilliseconds: Int
  ) {
    var next = sequence.next
    while !batch.isFull(forAnother: Self.writeSize, byteLimit: byteLimit) {
      let index = Int(next.rawValue % UInt64(blockCount))
      let record = StreamRecord(
        sequence: next,
        time: WallTime(milliseconds: 0),
        kind: .write,
        offset: UInt64(index * Self.writeSize),
        length: UInt32(Self.writeSize),
        payloadChecksum: checksums[index]
      )
      batch.append(record, payload: sample.block(index, Self.writeSize))
      next = next.next
    }
  }

  func acknowledged(through sequence: SequenceNumber) {}
  func linkOpened(_ welcome: StreamWelcome) -> StreamResume { .after(welcome.durable) }
  func linkClosed(_ reason: String) {}
}

/// Takes everything and counts it.
private final class DiscardingSink: StreamSink {
  private let count = Atomic<Int>(0)

  var byteCount: Int { count.load(ordering: .relaxed) }

  func opened(session: any StreamSession) throws -> StreamWelcome {
    StreamWelcome(durable: SequenceNumber(0), isComplete: true, isAccepting: true)
  }

  func receive(_ batch: RecordBatch, session: any StreamSession) {
    count.add(batch.payloadByteCount, ordering: .relaxed)
    if let last = batch.last { session.acknowledge(through: last) }
  }

  func hashes(
    volume: Int,
    at offset: UInt64,
    blockSize: Int,
    count: Int,
    reply: @escaping @Sendable (Result<[BlockHash], any Error>) -> Void
  ) {
    reply(.failure(BenchError("nothing is kept here")))
  }

  func closed(session: any StreamSession) {}
}
