// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Identity
import Journal
import Logging
import Orchestration
import RecoveryModel
import ReplicationTransport
import Testing

@testable import Appliance

/// Two hosts' appliances behind their control ports, each with one VM of the same VPG, and the
/// journals both send to.
final class TwoHosts: Sendable {
  /// One host: its appliance, and the VM's stream and disk.
  struct Host: Sendable {
    let name: ApplianceIdentifier
    let stream: StreamIdentifier
    let parts: ApplianceParts
  }

  static let volume = VolumeIdentifier("scsi:0:0")
  private static let site = SiteIdentifier("11111111-0000-4000-8000-000000000001")
  private static let volumeByteCount: UInt64 = 1 << 20

  let folder: URL
  let hosts: [Host]
  let journals: JournalRegistry
  let manager: TLSIdentity
  let appliance: TLSIdentity
  let trust = TrustStore()
  private let listener: StreamListener
  private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  init() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("us-\(UUID().uuidString.prefix(8))")
    self.folder = folder
    let authority = try SiteAuthority.loadOrCreate(
      in: folder.appendingPathComponent("authority").path,
      site: Self.site,
      name: "site"
    )
    try trust.set([Self.site: authority.certificatePEM])
    let authorityFile = folder.appendingPathComponent("authority.pem").path
    try authority.certificatePEM.write(toFile: authorityFile, atomically: true, encoding: .utf8)
    manager = try authority.issue(role: .manager, name: "zvm", hosts: ["127.0.0.1"])
    appliance = try authority.issue(role: .appliance, name: "vra", hosts: ["127.0.0.1"])
    try appliance.save(in: folder.appendingPathComponent("identity").path)
    let (journals, logger) = try (
      JournalRegistry(
        stateFolder: folder.path + "/recovery",
        owner: ApplianceIdentifier("recovery"),
        logger: logger
      ),
      logger
    )
    self.journals = journals
    listener = try StreamListener(
      host: "127.0.0.1",
      port: 0,
      identity: appliance,
      trust: trust,
      logger: logger
    ) { stream, site in journals.sink(for: stream, from: site) }
    hosts = try ["a", "b"].map { name in
      let parts = try ApplianceParts(
        configuration: ApplianceConfiguration(
          name: ApplianceIdentifier(name),
          site: Self.site,
          stateFolder: folder.path + "/\(name)",
          runFolder: folder.path + "/\(name)-run",
          controlHost: "127.0.0.1",
          controlPort: 0,
          streamHost: "127.0.0.1",
          streamPort: 0,
          identityFolder: folder.path + "/identity",
          authorityFile: authorityFile,
          bufferInMB: 8
        ),
        logger: logger
      )
      try parts.trust(TrustRequest(authorities: [:]))
      return Host(
        name: ApplianceIdentifier(name),
        stream: StreamIdentifier("\(name)0000000-0000-4000-8000-00000000000a"),
        parts: parts
      )
    }
    try await listener.start()
    for host in hosts { try keepJournal(host) }
  }

  private func keepJournal(_ host: Host) throws {
    try journals.put(
      host.stream,
      JournalRequest(
        vpg: VPGIdentifier("vpg"),
        sourceSite: Self.site,
        volumes: [
          .init(
            identifier: Self.volume,
            target: "vda",
            byteCount: Self.volumeByteCount,
            replicaPath: folder.path + "/replicas/\(host.name).raw"
          )
        ],
        historyInSeconds: 3600,
        hardLimitInBytes: 1 << 30
      )
    )
  }

  /// Protects a host's VM from a connected tap to an ordered stream.
  func protect(_ host: Host) async throws -> GuestDisk {
    let bytes = Data(count: Int(Self.volumeByteCount))
    let source = try MirroredDisk(folder: folder, name: host.name.rawValue, bytes: bytes)
    defer { source.close() }
    let request = try ProtectRequest(
      vpg: VPGIdentifier("vpg"),
      vm: VMIdentifier("vm"),
      volumes: [.init(identifier: Self.volume, number: 0, byteCount: Self.volumeByteCount)],
      remoteHost: "127.0.0.1",
      remotePort: #require(listener.boundPort),
      remoteSite: Self.site,
      compression: .lz4,
      priority: .medium,
      bufferByteCount: 8 << 20,
      isPaused: false
    )
    let streams = host.parts.streams
    let reply = try streams.protect(host.stream, request)
    let disk = try GuestDisk(
      socketPath: reply.tapSocketPath,
      exportName: Self.volume.rawValue
    )
    try await streams.eventually("the tap is connected") { !$0.connectedVolumes.isEmpty }
    try streams.sync(
      host.stream,
      SyncRequest(
        pullSocketPath: source.socketPath,
        exportNames: [Self.volume: source.exportName]
      )
    )
    try await streams.eventually("in order") { $0.sync == .ordered }
    return disk
  }

  /// Runs `body` with what calls the appliances' control ports.
  ///
  /// `deaf` answers a status, but no hold.
  func withControl(
    deaf: ApplianceIdentifier? = nil,
    _ body: @escaping @Sendable (CheckpointRunner) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      var controls: [ApplianceIdentifier: any ApplianceControl] = [:]
      for host in hosts {
        let (ports, announcement) = AsyncStream.makeStream(of: Int.self)
        let server = try ControlServer(
          host: "127.0.0.1",
          port: 0,
          identity: appliance,
          trust: trust,
          clientCertificate: .required,
          logger: logger,
          onListening: { announcement.yield($0) },
          routes: { routes in
            if host.name == deaf { return Self.addDeafRoutes(routes) }
            ApplianceAnswers(parts: host.parts).add(to: routes)
          }
        )
        group.addTask { try await server.run() }
        let port = try #require(await ports.first { _ in true })
        controls[host.name] = TLSConnections(site: Self.site, identity: manager, trust: trust)
          .appliance(
            SiteSettings.Appliance(
              identifier: host.name,
              controlHost: "127.0.0.1",
              controlPort: port,
              streamHost: "",
              streamPort: 0
            )
          )
      }
      let all = controls
      try await body(
        CheckpointRunner { appliance throws(SiteError) in
          guard let control = all[appliance] else { throw .notFound("no such appliance") }
          return control
        }
      )
    }
  }

  private static func addDeafRoutes(_ routes: ControlRoutes) {
    routes.on(.post, ApplianceRoutes.holds, from: .manager(of: site)) { _ -> MarkReply in
      try await Task.sleep(for: .seconds(3600))
      return MarkReply(isMarked: false, reason: "")
    }
  }

  var senders: CheckpointRunner.Senders {
    Dictionary(uniqueKeysWithValues: hosts.map { ($0.name, [$0.stream]) })
  }

  /// The numbers at an offset of each host's disk as of a checkpoint; nil if not all hold it.
  func numbers(at offset: UInt64, asOf checkpoint: CheckpointIdentifier) throws -> [UInt64]? {
    var numbers: [UInt64] = []
    for host in hosts {
      let journal = try journals.known(host.stream).opened()
      guard let point = journal.sequence(of: checkpoint) else { return nil }
      var number: UInt64 = 0
      try withUnsafeMutableBytes(of: &number) {
        try journal.read(volume: 0, at: offset, into: $0, asOf: point)
      }
      numbers.append(UInt64(littleEndian: number))
    }
    return numbers
  }

  func close() async {
    await onOwnThread { [hosts] in for host in hosts { host.parts.streams.closeAll() } }
    await listener.stop()
    journals.stop()
    try? FileManager.default.removeItem(at: folder)
  }
}

extension ProtectedStreams {
  /// Waits up to 20 seconds for the status of the only stream, which nothing announces.
  func eventually(_ what: Comment, _ holds: (StreamStatus) -> Bool) async throws {
    let deadline = Monitor.now() + 20_000
    while true {
      let status = try #require(status().first)
      if holds(status) { return }
      try #require(Monitor.now() < deadline, "\(what): \(status)")
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}
