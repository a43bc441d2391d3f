// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Foundation
import Identity
import Logging
import Orchestration
import RecoveryModel
import SQLiteStore
import Synchronization

/// A real site behind a real peer port: mutual TLS on loopback, its own authority and store.
final class TLSSite: Sendable {
  let port: Int
  let site: Site

  private init(port: Int, site: Site) {
    self.port = port
    self.site = site
  }

  /// Runs `body` with a site whose port takes connections.
  static func run(
    _ name: String,
    _ identifier: SiteIdentifier,
    _ body: @escaping @Sendable (TLSSite) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-tls-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let authority = try SiteAuthority.loadOrCreate(
      in: folder.path,
      site: identifier,
      name: name
    )
    let identity = try authority.issue(role: .manager, name: name, hosts: ["127.0.0.1"])
    let trust = TrustStore()
    let logger = Logger(label: name) { _ in SwiftLogNoOpLogHandler() }
    let slot = Slot()
    let (ports, port) = AsyncStream<Int>.makeStream()
    let server = try ControlServer(
      host: "127.0.0.1",
      port: 0,
      identity: identity,
      trust: trust,
      clientCertificate: .optional,
      logger: logger,
      onListening: { port.yield($0) },
      routes: { slot.add(to: $0) }
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await server.run() }
      var found = ports.makeAsyncIterator()
      guard let port = await found.next() else { return }
      let site = Site(
        settings: SiteSettings(
          identifier: identifier,
          name: name,
          location: "",
          version: "1.0",
          peerHost: "127.0.0.1",
          peerPort: port,
          appliances: []
        ),
        authority: authority.certificatePEM,
        hypervisor: FakeHypervisor(name: name),
        store: try SQLiteStore(path: folder.appendingPathComponent("s.sqlite").path),
        connections: TLSConnections(site: identifier, identity: identity, trust: trust),
        logger: logger
      )
      try await site.load()
      slot.set(site)
      group.addTask { await site.run() }
      try await body(TLSSite(port: port, site: site))
    }
  }

  /// The site that a port answers for, which is made after the port is known.
  private final class Slot: Sendable {
    private let site = Mutex<Site?>(nil)

    func set(_ new: Site) { site.withLock { $0 = new } }

    func add(to routes: ControlRoutes) {
      routes.on(.post, PeerRoutes.pair, from: .anyone) { request in
        try await self.answer { site throws(SiteError) in
          try await site.acceptPairing(try request.pairRequest())
        }
      }
      routes.on(.get, PeerRoutes.state, from: .anyManager) { request in
        try await self.answer { site throws(SiteError) in
          try await site.state(for: try request.caller())
        }
      }
      routes.on(.get, PeerRoutes.site, from: .anyManager) { request in
        try await self.answer { site throws(SiteError) in
          try await site.describe(to: try request.caller())
        }
      }
      routes.on(.get, PeerRoutes.inventory, from: .anyManager) { request in
        try await self.answer { site throws(SiteError) in
          try await site.inventory(for: try request.caller())
        }
      }
      routes.on(.delete, PeerRoutes.pairing, from: .anyManager) { request in
        try await self.answer { site throws(SiteError) in
          try await site.endPairing(from: try request.caller())
        }
      }
    }

    private func answer<Reply>(
      _ body: (Site) async throws(SiteError) -> Reply
    ) async throws -> Reply {
      guard let site = site.withLock({ $0 }) else {
        throw ControlFailure(status: 503, message: "not yet")
      }
      do { return try await body(site) } catch { throw error.controlFailure }
    }
  }
}

extension ControlRequest {
  fileprivate func caller() throws(SiteError) -> SiteIdentifier {
    guard let peer else { throw .failed("no certificate") }
    return peer.site
  }

  fileprivate func pairRequest() throws(SiteError) -> PairRequest {
    do { return try body() } catch { throw .invalid("\(error)") }
  }
}
