// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Identity
import Logging
import RecoveryModel
import ReplicationTransport
import Testing

@testable import Appliance

/// London's appliance with a protected stream, and a second one of the same VM for who wants it;
/// and paris' listener with a replica in memory for each.
final class ProtectedPair: Sendable {
  static let stream = StreamIdentifier("44444444-0000-4000-8000-000000000004")
  static let second = StreamIdentifier("55555555-0000-4000-8000-000000000005")
  static let volume = VolumeIdentifier("scsi:0:0")
  static let london = SiteIdentifier("11111111-0000-4000-8000-000000000001")
  private static let paris = SiteIdentifier("22222222-0000-4000-8000-000000000002")

  let folder: URL
  let sink: ReplicaSink
  let secondSink: ReplicaSink
  let listener: StreamListener
  let streams: ProtectedStreams
  let byteCount: Int

  /// With `journals`, paris keeps the stream in one of these.
  init(
    byteCount: Int,
    sockets: SocketAccess = .own,
    journals: JournalRegistry? = nil
  ) async throws {
    self.byteCount = byteCount
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("us-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let trust = TrustStore()
    let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    var identities: [SiteIdentifier: TLSIdentity] = [:]
    var authorities: [SiteIdentifier: String] = [:]
    for site in [Self.london, Self.paris] {
      let authority = try SiteAuthority.loadOrCreate(
        in: folder.appendingPathComponent(site.rawValue).path,
        site: site,
        name: "site"
      )
      identities[site] = try authority.issue(
        role: .appliance,
        name: "vra",
        hosts: ["127.0.0.1"]
      )
      authorities[site] = authority.certificatePEM
    }
    try trust.set(authorities)
    let sink = ReplicaSink(volumeSizes: [byteCount])
    self.sink = sink
    let secondSink = ReplicaSink(volumeSizes: [byteCount])
    self.secondSink = secondSink
    listener = try StreamListener(
      host: "127.0.0.1",
      port: 0,
      identity: #require(identities[Self.paris]),
      trust: trust,
      logger: quiet
    ) { stream, site in
      if let journals { return journals.sink(for: stream, from: site) }
      return [Self.stream: sink, Self.second: secondSink][stream]
    }
    try await listener.start()
    streams = try ProtectedStreams(
      context: ProtectionContext(
        runFolder: folder.path,
        sockets: sockets,
        identity: #require(identities[Self.london]),
        trust: trust,
        logger: quiet,
        largestBuffer: 64 << 20
      )
    )
  }

  func request(
    isPaused: Bool = false,
    port: Int? = nil,
    bufferInMB: UInt64 = 8,
    volumes: [ProtectRequest.Volume]? = nil
  ) throws -> ProtectRequest {
    try ProtectRequest(
      vpg: VPGIdentifier("vpg"),
      vm: VMIdentifier("vm"),
      volumes: volumes
        ?? [.init(identifier: Self.volume, number: 0, byteCount: UInt64(byteCount))],
      remoteHost: "127.0.0.1",
      remotePort: port ?? #require(listener.boundPort),
      remoteSite: Self.paris,
      compression: .lz4,
      priority: .medium,
      bufferByteCount: bufferInMB << 20,
      isPaused: isPaused
    )
  }

  func syncRequest(_ disk: MirroredDisk) -> SyncRequest {
    SyncRequest(
      pullSocketPath: disk.socketPath,
      exportNames: [Self.volume: disk.exportName]
    )
  }

  /// Waits up to 20 seconds for a status, which nothing announces.
  func status(
    _ what: Comment,
    of stream: StreamIdentifier = ProtectedPair.stream,
    _ holds: (StreamStatus) -> Bool
  ) async throws -> StreamStatus {
    let deadline = Monitor.now() + 20_000
    while true {
      let status = try #require(streams.status().first { $0.stream == stream })
      if holds(status) { return status }
      try #require(Monitor.now() < deadline, "\(what): \(status)")
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Waits until the replica has everything and compares it with the disk.
  func expectEqual(
    _ disk: MirroredDisk,
    _ stream: StreamIdentifier = ProtectedPair.stream
  ) async throws {
    _ = try await status("drained", of: stream) {
      $0.sync == .ordered && $0.acknowledgedSequence == $0.lastSequence
    }
    let bytes = try disk.bytes()
    let sink = stream == Self.stream ? sink : secondSink
    let replica = sink.monitor.withLock { sink.disks[0] }
    #expect(Data(replica) == bytes)
  }

  func close() async {
    let streams = streams
    await onOwnThread { streams.closeAll() }
    await listener.stop()
    try? FileManager.default.removeItem(at: folder)
  }
}

/// Runs what blocks on a thread of its own, so that Swift's pool stays free.
func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    Thread { continuation.resume(returning: body()) }.start()
  }
}
