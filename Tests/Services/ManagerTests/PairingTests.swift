// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Manager
import Testing

@Suite struct PairingTests {
  @Test func `two managers pair by a token and see each other's inventory`() async throws {
    try await RunningManager.run("london") { london in
      try await RunningManager.run("paris") { paris in
        let here = try await london.logOn()
        let there = try await paris.logOn()
        let token = try await paris.send("POST", "/v1/peersites/generatetoken", session: there)
        let body = """
          {"HostName": "127.0.0.1", "Port": \(paris.configuration.peerPort),
           "Token": "\(try #require(token.member("Token")))"}
          """
        let task = try await london.send("POST", "/v1/peersites", body: body, session: here)
        #expect(task.status == 200, "\(task.text)")
        let outcome = try await london.outcome(ofTask: task.text, session: here)
        #expect(outcome.contains(#""State":6"#), "\(outcome)")

        let parisName = paris.configuration.siteIdentifier
        let peer = try await london.send("GET", "/v1/peersites/\(parisName)", session: here)
        #expect(peer.member("PeerSiteName") == "paris")
        let sites = try await paris.send("GET", "/v1/peersites", session: there)
        #expect(sites.text.contains("london"))
        let networks = try await london.send(
          "GET",
          "/v1/virtualizationsites/\(parisName)/networks",
          session: here
        )
        #expect(networks.text.contains("net-paris"), "\(networks.text)")

        let again = try await london.send("POST", "/v1/peersites", body: body, session: here)
        if again.status == 200 {
          let second = try await london.outcome(ofTask: again.text, session: here)
          #expect(second.contains(#""State":4"#), "the token worked twice: \(second)")
        }
      }
    }
  }
}
