// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Identity
import RecoveryModel
import Testing

@Suite struct PairingClientTests {
  @Test func `two managers that share a token believe each other`() async throws {
    try await TestSite.withFolder { folder in
      let request = try pairRequest(from: TestSite("london", in: folder)).proven(by: secret)
      #expect(request.isProven(by: secret))
      let reply = try await pair(by: request, issuerSecret: secret, in: folder).get()
      #expect(reply.authority == "paris PEM")
    }
  }

  @Test func `a manager without the secret is not believed`() async throws {
    try await TestSite.withFolder { folder in
      let request = try pairRequest(from: TestSite("london", in: folder)).proven(by: secret)
      let result = try await pair(
        by: request,
        issuerSecret: PairingToken().secret,
        in: folder
      )
      #expect(throws: ControlError.self) { try result.get() }
    }
  }

  @Test func `a request that was changed on the way proves nothing`() async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      var request = try pairRequest(from: site).proven(by: secret)
      request.authority = "another"
      #expect(!request.isProven(by: secret))
    }
  }

  @Test func `a reply to one request proves nothing for another`() async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      let first = try pairRequest(from: site).proven(by: secret)
      var second = pairRequest(from: site)
      second.site.name = "renamed"
      let reply = try reply(from: site).proven(by: secret, for: first)
      #expect(reply.isProven(by: secret, for: first))
      #expect(!reply.isProven(by: secret, for: try second.proven(by: secret)))
    }
  }

  private let secret = [UInt8](repeating: 7, count: 32)

  private func pair(
    by request: PairRequest,
    issuerSecret: [UInt8],
    in folder: String
  ) async throws -> Result<PairReply, ControlError> {
    let paris = try TestSite("paris", in: folder)
    let answer = reply(from: paris)
    var result: Result<PairReply, ControlError>?
    try await withControlServer(
      of: paris,
      as: .manager,
      trust: TrustStore(),
      clientCertificate: .optional,
      routes: { routes in
        routes.on(.post, PeerRoutes.pair, from: .anyone) { request in
          try answer.proven(by: issuerSecret, for: try request.body(as: PairRequest.self))
        }
      }
    ) { port in
      do throws(ControlError) {
        let client = PairingClient(host: "127.0.0.1", port: port)
        result = .success(try await client.pair(request, secret: secret))
      } catch {
        result = .failure(error)
      }
    }
    return try #require(result)
  }

  private func reply(from site: TestSite) -> PairReply {
    PairReply(site: pairRequest(from: site).site, authority: "\(site.identifier) PEM", proof: [])
  }
}

/// A request to pair, without its proof.
func pairRequest(from site: TestSite) -> PairRequest {
  PairRequest(
    tokenIdentifier: "token",
    site: SiteDescription(
      identifier: site.identifier,
      name: "\(site.identifier)",
      location: "",
      version: "1",
      peerHost: "127.0.0.1",
      peerPort: 1,
      appliances: []
    ),
    authority: "PEM",
    proof: []
  )
}
