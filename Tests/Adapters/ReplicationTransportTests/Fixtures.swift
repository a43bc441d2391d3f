// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Identity
import Logging
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport

/// Two sites with authorities of their own that trust each other.
struct TwoSites {
  static let london = SiteIdentifier("11111111-0000-4000-8000-000000000001")
  static let paris = SiteIdentifier("22222222-0000-4000-8000-000000000002")
  let authorities: [SiteIdentifier: SiteAuthority]
  let trust = TrustStore()

  init() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-transport-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var authorities: [SiteIdentifier: SiteAuthority] = [:]
    for site in [Self.london, Self.paris] {
      authorities[site] = try SiteAuthority.loadOrCreate(
        in: folder.appendingPathComponent(site.rawValue).path,
        site: site,
        name: site.rawValue
      )
    }
    self.authorities = authorities
    try trust.set(authorities.mapValues(\.certificatePEM))
  }

  func identity(of site: SiteIdentifier, role: PeerRole = .appliance) throws -> TLSIdentity {
    guard let authority = authorities[site] else { throw CocoaError(.featureUnsupported) }
    return try authority.issue(role: role, name: "vra", hosts: ["127.0.0.1"])
  }
}

/// Runs what blocks on a thread of its own, so that Swift's pool stays free.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    Thread { continuation.resume(returning: body()) }.start()
  }
}

/// A source that holds all records it was ever given.
///
/// `@unchecked Sendable`: the monitor guards everything.
final class MemorySource: StreamSource, @unchecked Sendable {
  let monitor = Monitor()
  private(set) var records: [(StreamRecord, [UInt8])] = []
  private(set) var acknowledged: UInt64 = 0
  private(set) var welcomes: [StreamWelcome] = []
  private(set) var reasons: [String] = []

  func add(_ payload: [UInt8]) {
    monitor.withLock {
      let checksum = payload.withUnsafeBytes { payloadChecksum($0) }
      let record = StreamRecord(
        sequence: SequenceNumber(UInt64(records.count) + 1),
        time: WallTime(milliseconds: 1),
        kind: .write,
        offset: UInt64(records.count) * 4096,
        length: UInt32(payload.count),
        payloadChecksum: checksum
      )
      records.append((record, payload))
      monitor.broadcast()
    }
  }

  func take(
    after sequence: SequenceNumber,
    into batch: RecordBatch,
    byteLimit: Int,
    waitMilliseconds: Int
  ) {
    let deadline = Monitor.now() + Int64(waitMilliseconds)
    monitor.withLock {
      while records.count <= Int(sequence.rawValue), monitor.wait(until: deadline) {}
      for (record, payload) in records.dropFirst(Int(sequence.rawValue)) {
        if batch.isFull(forAnother: payload.count, byteLimit: byteLimit) { break }
        payload.withUnsafeBytes { batch.append(record, payload: $0) }
      }
    }
  }

  func acknowledged(through sequence: SequenceNumber) {
    monitor.withLock {
      acknowledged = sequence.rawValue
      monitor.broadcast()
    }
  }

  func linkOpened(_ welcome: StreamWelcome) -> StreamResume {
    monitor.withLock {
      welcomes.append(welcome)
      monitor.broadcast()
    }
    return .after(welcome.durable)
  }

  func linkClosed(_ reason: String) {
    monitor.withLock {
      reasons.append(reason)
      monitor.broadcast()
    }
  }

  /// Waits up to ten seconds until something holds.
  func wait(until holds: @escaping @Sendable (MemorySource) -> Bool) async -> Bool {
    await onThread { [self] in
      let deadline = Monitor.now() + 10_000
      return monitor.withLock {
        while !holds(self) {
          guard monitor.wait(until: deadline) else { return false }
        }
        return true
      }
    }
  }
}

/// A sink that keeps everything in memory and acknowledges at once, if its disk is not stuck.
///
/// `@unchecked Sendable`: the monitor guards everything.
final class MemorySink: StreamSink, @unchecked Sendable {
  struct Refusal: Error {}

  let monitor = Monitor()
  private(set) var payloads: [[UInt8]] = []
  private(set) var sessions: [any StreamSession] = []
  private(set) var closedCount = 0
  var isAccepting = true
  private var isStuck = false
  private var session: (any StreamSession)?

  /// While stuck, nothing is acknowledged.
  func stick(_ isStuck: Bool) {
    monitor.withLock {
      self.isStuck = isStuck
      if !isStuck { session?.acknowledge(through: SequenceNumber(UInt64(payloads.count))) }
    }
  }

  func opened(session: any StreamSession) throws -> StreamWelcome {
    monitor.withLock {
      sessions.append(session)
      monitor.broadcast()
      return StreamWelcome(
        durable: SequenceNumber(UInt64(payloads.count)),
        isComplete: true,
        isAccepting: isAccepting
      )
    }
  }

  func receive(_ batch: RecordBatch, session: any StreamSession) {
    monitor.withLock {
      var start = 0
      for record in batch.records {
        precondition(record.sequence.rawValue == UInt64(payloads.count) + 1, "out of order")
        payloads.append(Array(batch.payload[start..<start + record.payloadByteCount]))
        start += record.payloadByteCount
      }
      self.session = session
      // A sink may well call back with its own lock held.
      if isStuck { return }
      session.acknowledge(through: SequenceNumber(UInt64(payloads.count)))
    }
  }

  func hashes(
    volume: Int,
    at offset: UInt64,
    blockSize: Int,
    count: Int,
    reply: @escaping @Sendable (Result<[BlockHash], any Error>) -> Void
  ) {
    guard volume == 0 else { return reply(.failure(Refusal())) }
    reply(.success((0..<count).map { BlockHash(low: offset, high: UInt64($0)) }))
  }

  func closed(session: any StreamSession) {
    monitor.withLock {
      closedCount += 1
      monitor.broadcast()
    }
  }
}
