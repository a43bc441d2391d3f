// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Journal
import Logging
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport

@testable import Appliance

/// The recovery half of an appliance in a folder of its own, and a sender that speaks to it
/// without a network.
final class RecoveryBench {
  static let stream = StreamIdentifier("7d3c1d0e-0000-4000-8000-00000000000a")
  static let site = SiteIdentifier("11111111-0000-4000-8000-000000000001")

  let root: String
  /// The folder of the datastore.
  let pool: String
  private let owner: String
  private let isMounted: Bool
  private(set) var journals: JournalRegistry
  private(set) var exports: ExportRegistry
  private(set) var session = RecordingSession()
  private var sink: (any StreamSink)?
  private var next: UInt64 = 1

  /// - Parameters:
  ///   - owner: The appliance's name.
  ///   - other: Another one, whose datastore it sees.
  ///   - megabytes: The size of a file system of its own, in memory; makes it need root.
  /// - Throws: What keeps the files from being made.
  init(
    owner: String = "host1",
    seeing other: RecoveryBench? = nil,
    onDiskOf megabytes: Int? = nil
  ) throws {
    root =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("us-rec-\(UUID().uuidString.prefix(8))").path
    pool = other?.pool ?? root + "/pool"
    self.owner = owner
    isMounted = megabytes != nil
    if let megabytes {
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      guard mount("tmpfs", root, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
        throw ControlFailure(status: 500, message: "mount: error \(errno)")
      }
    }
    (journals, exports) = try Self.appliance(root, owner)
  }

  private static func appliance(
    _ root: String,
    _ owner: String
  ) throws -> (JournalRegistry, ExportRegistry) {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let journals = try JournalRegistry(
      stateFolder: root + "/state",
      owner: ApplianceIdentifier(owner),
      logger: logger
    )
    let exports = try ExportRegistry(
      journals: journals,
      stateFolder: root + "/state",
      runFolder: root + "/run",
      logger: logger
    )
    try journals.open()
    try exports.open()
    try journals.start()
    return (journals, exports)
  }

  /// Stops everything and starts it again from the files.
  func restart() throws {
    stop()
    (journals, exports) = try Self.appliance(root, owner)
  }

  func stop() {
    exports.stop()
    journals.stop()
  }

  func tearDown() {
    stop()
    if isMounted { umount2(root, Int32(MNT_DETACH)) }
    try? FileManager.default.removeItem(atPath: root)
  }

  var request: JournalRequest {
    JournalRequest(
      vpg: VPGIdentifier("vpg"),
      sourceSite: Self.site,
      volumes: [
        .init(
          identifier: VolumeIdentifier("scsi:0:0"),
          target: "vda",
          byteCount: 1 << 20,
          replicaPath: pool + "/web1/vda.raw"
        ),
        .init(
          identifier: VolumeIdentifier("scsi:0:1"),
          target: "vdb",
          byteCount: 300_000,
          replicaPath: pool + "/web1/vdb.raw"
        ),
      ],
      historyInSeconds: 3600,
      hardLimitInBytes: 1 << 30
    )
  }

  /// The same with the journal on the datastore.
  var placedRequest: JournalRequest {
    var request = request
    request.journalFolder = pool + "/web1/journal-a"
    return request
  }

  // MARK: The sender

  @discardableResult
  func connect() throws -> StreamWelcome {
    guard let found = journals.sink(for: Self.stream, from: Self.site) else {
      throw ControlFailure(status: 404, message: "no sink")
    }
    sink = found
    session = RecordingSession()
    let welcome = try found.opened(session: session)
    next = welcome.durable.rawValue + 1
    return welcome
  }

  func batch(_ content: [Content]) -> RecordBatch {
    let batch = RecordBatch()
    for content in content {
      let payload = content.payload
      let record = StreamRecord(
        sequence: SequenceNumber(next),
        time: WallTime(milliseconds: 1_700_000_000_000 + Int64(next)),
        kind: content.kind,
        volume: content.volume,
        offset: content.offset,
        length: UInt32(payload.count),
        payloadChecksum: crc32c(payload)
      )
      payload.withUnsafeBytes { batch.append(record, payload: $0) }
      next += 1
    }
    return batch
  }

  /// Hands a batch over without waiting.
  func send(_ content: [Content]) { sink?.receive(batch(content), session: session) }

  /// Hands a batch over and waits until it is acknowledged, or the session is closed.
  func deliver(_ content: Content...) throws {
    send(content)
    try session.wait(through: SequenceNumber(next - 1))
  }

  func hashes(_ volume: Int, _ offset: UInt64, _ blockSize: Int, _ count: Int) async throws
    -> [BlockHash]
  {
    guard let sink else { return [] }
    return try await withCheckedThrowingContinuation { continuation in
      sink.hashes(volume: volume, at: offset, blockSize: blockSize, count: count) {
        continuation.resume(with: $0)
      }
    }
  }

  /// A journal whose first sync is over, connected.
  func prepare(_ request: JournalRequest? = nil) throws {
    try journals.put(Self.stream, request ?? self.request)
    try connect()
    try deliver(.syncBegan(1), .syncEnded)
  }

  var status: JournalStatus? { journals.statuses.first }

  struct Content {
    var kind: StreamRecord.Kind
    var volume: UInt16 = 0
    var offset: UInt64 = 0
    var payload: [UInt8] = []

    static func write(_ volume: UInt16, _ offset: UInt64, _ payload: [UInt8]) -> Content {
      Content(kind: .write, volume: volume, offset: offset, payload: payload)
    }
    static func mark(_ number: UInt64) -> Content { Content(kind: .mark, offset: number) }
    static func syncBegan(_ kind: UInt64, _ volumes: [UInt64] = []) -> Content {
      Content(kind: .syncBegan, offset: kind, payload: VolumeSizes(volumes).encoded)
    }
    static let syncEnded = Content(kind: .syncEnded)
  }
}

/// A session that remembers what the journal told it.
///
/// `@unchecked Sendable`: the monitor guards everything that changes.
final class RecordingSession: StreamSession, @unchecked Sendable {
  struct Closed: Error, Equatable {
    var reason: String
  }

  private let monitor = Monitor()
  private var acknowledged = SequenceNumber(0)
  private var reason: String?

  func acknowledge(through sequence: SequenceNumber) {
    monitor.withLock {
      acknowledged = sequence
      monitor.broadcast()
    }
  }

  func recycle(_ batch: RecordBatch) {}

  func close(_ reason: String) {
    monitor.withLock {
      self.reason = reason
      monitor.broadcast()
    }
  }

  var closedReason: String? { monitor.withLock { reason } }
  var acknowledgedSequence: SequenceNumber { monitor.withLock { acknowledged } }

  func wait(through sequence: SequenceNumber) throws {
    try monitor.withLock {
      while acknowledged < sequence {
        if let reason { throw Closed(reason: reason) }
        monitor.wait()
      }
    }
  }
}

/// CRC32C by its definition, bit by bit.
private func crc32c(_ bytes: [UInt8]) -> UInt32 {
  guard !bytes.isEmpty else { return 0 }
  var crc = ~UInt32(0)
  for byte in bytes {
    crc ^= UInt32(byte)
    for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
  }
  return ~crc
}
