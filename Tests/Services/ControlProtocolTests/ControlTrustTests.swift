// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Identity
import RecoveryModel
import Testing

/// Who gets to talk to whom.
@Suite struct ControlTrustTests {
  @Test func `a trusted manager is answered and known by name`() async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      let trust = try TestSite.trust(site)
      try await withControlServer(
        of: site,
        trust: trust,
        routes: { routes in
          routes.on(.get, "/who", from: .manager(of: site.identifier)) { request in
            request.peer?.name ?? "nobody"
          }
        }
      ) { port in
        let client = try client(of: site, to: site, port: port)
        let answer: String = try await client.send(.get, "/who")
        #expect(answer == "test")
      }
    }
  }

  @Test func `no connection is had without a certificate where one is required`() async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      try await withControlServer(
        of: site,
        trust: try TestSite.trust(site),
        routes: openRoutes
      ) { port in
        await expectUnreachable {
          _ = try await PairingClient(host: "127.0.0.1", port: port)
            .pair(pairRequest(from: site), secret: [])
        }
      }
    }
  }

  @Test func `a certificate of an unknown authority is refused, also where it is optional`()
    async throws
  {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      let impostor = try TestSite("london", in: folder)
      for clientCertificate in [ClientCertificate.required, .optional] {
        try await withControlServer(
          of: site,
          trust: try TestSite.trust(site),
          clientCertificate: clientCertificate,
          routes: openRoutes
        ) { port in
          let client = ControlClient(
            host: "127.0.0.1",
            port: port,
            role: .appliance,
            site: site.identifier,
            identity: try impostor.identity(.manager),
            trust: try TestSite.trust(site)
          )
          await expectUnreachable { try await client.perform(.get, "/open") }
        }
      }
    }
  }

  @Test func `a server of another authority, site or role is not talked to`() async throws {
    try await TestSite.withFolder { folder in
      let london = try TestSite("london", in: folder)
      let paris = try TestSite("paris", in: folder)
      let impostor = try TestSite("london", in: folder)
      let trust = try TestSite.trust(london, paris)
      for (server, role) in [
        (impostor, PeerRole.appliance), (paris, .appliance), (london, .manager),
      ] {
        try await withControlServer(of: server, as: role, trust: trust, routes: openRoutes) {
          port in
          let client = try client(of: london, to: london, port: port, trust: trust)
          await expectUnreachable { try await client.perform(.get, "/open") }
        }
      }
    }
  }

  @Test func `without a certificate only what is open to anyone is answered`() async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      try await withControlServer(
        of: site,
        trust: try TestSite.trust(site),
        clientCertificate: .optional,
        routes: { routes in
          routes.on(.post, PeerRoutes.pair, from: .anyManager) { _ in }
        }
      ) { port in
        await expectRefusal(403) {
          _ = try await PairingClient(host: "127.0.0.1", port: port)
            .pair(pairRequest(from: site), secret: [])
        }
      }
    }
  }

  @Test func `a role is not enough for another role's route`() async throws {
    try await TestSite.withFolder { folder in
      let london = try TestSite("london", in: folder)
      let paris = try TestSite("paris", in: folder)
      let trust = try TestSite.trust(london, paris)
      try await withControlServer(
        of: london,
        trust: trust,
        routes: { routes in
          routes.on(.get, "/own", from: .manager(of: london.identifier)) { _ in }
          routes.on(.get, "/any", from: .anyManager) { _ in }
        }
      ) { port in
        let foreign = try client(of: paris, to: london, port: port, trust: trust)
        await expectRefusal(403) { try await foreign.perform(.get, "/own") }
        try await foreign.perform(.get, "/any")
        let appliance = ControlClient(
          host: "127.0.0.1",
          port: port,
          role: .appliance,
          site: london.identifier,
          identity: try london.identity(.appliance),
          trust: trust
        )
        await expectRefusal(403) { try await appliance.perform(.get, "/any") }
      }
    }
  }

  @Test func `a site that is no longer trusted loses its rights on open connections`() async throws
  {
    try await TestSite.withFolder { folder in
      let london = try TestSite("london", in: folder)
      let paris = try TestSite("paris", in: folder)
      let trust = try TestSite.trust(london, paris)
      try await withControlServer(
        of: london,
        trust: trust,
        routes: { routes in routes.on(.get, "/any", from: .anyManager) { _ in } }
      ) { port in
        let client = try client(of: paris, to: london, port: port)
        try await client.perform(.get, "/any")
        try trust.set([london.identifier: london.authority.certificatePEM])
        await expectRefusal(403) { try await client.perform(.get, "/any") }
      }
    }
  }

  @Test func `a client stops talking to a site it no longer trusts`() async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      let trust = try TestSite.trust(site)
      try await withControlServer(
        of: site,
        trust: try TestSite.trust(site),
        routes: openRoutes
      ) { port in
        let client = try client(of: site, to: site, port: port, trust: trust)
        try await client.perform(.get, "/open")
        try trust.set([:])
        await expectUnreachable { try await client.perform(.get, "/open") }
        try trust.set([site.identifier: site.authority.certificatePEM])
        try await client.perform(.get, "/open")
      }
    }
  }

  private func openRoutes(_ routes: ControlRoutes) {
    routes.on(.get, "/open", from: .anyone) { _ in }
    routes.on(.post, PeerRoutes.pair, from: .anyone) { _ in }
  }

  private func client(
    of site: TestSite,
    to server: TestSite,
    port: Int,
    trust: TrustStore? = nil
  ) throws -> ControlClient {
    ControlClient(
      host: "127.0.0.1",
      port: port,
      role: .appliance,
      site: server.identifier,
      identity: try site.identity(.manager),
      trust: try trust ?? TestSite.trust(server)
    )
  }
}
