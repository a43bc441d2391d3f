// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Identity
import RecoveryModel
import Testing

/// What is said once both sides trust each other.
@Suite struct ControlExchangeTests {
  @Test func `identifiers, queries and bodies arrive as they were sent`() async throws {
    try await withClient(
      routes: { routes in
        routes.on(.post, "/v1/journals/:stream/x", from: .anyManager) { request in
          let stream: StreamIdentifier = try request.identifier("stream")
          let body: [String: UInt64] = try request.body()
          return [
            stream.rawValue, request.query("q") ?? "", "\(try request.flag("f", default: false))",
            "\(body["n"] ?? 0)",
          ]
        }
      }
    ) { client in
      let answer: [String] = try await client.send(
        .post,
        "/v1/journals/a:b%2F%ä/x",
        query: ["q": "a&b=c+d ä%", "f": "true"],
        body: ["n": UInt64.max]
      )
      #expect(answer == ["a:b%2F%ä", "a&b=c+d ä%", "true", "\(UInt64.max)"])
    }
  }

  @Test func `failures come with their status and words`() async throws {
    struct Odd: Error {}
    try await withClient(
      routes: { routes in
        routes.on(.get, "/busy", from: .anyManager) { _ in
          throw ControlFailure(status: 409, message: "not now")
        }
        routes.on(.get, "/odd", from: .anyManager) { _ in throw Odd() }
        routes.on(.put, "/trust", from: .anyManager) { request in
          _ = try request.body(as: AcceptRequest.self)
        }
        routes.on(.get, "/streams/:stream", from: .anyManager) { request in
          _ = try request.identifier("stream", as: StreamIdentifier.self)
        }
      }
    ) { client in
      await #expect(
        throws: ControlError.refused(ControlFailure(status: 409, message: "not now"))
      ) { try await client.perform(.get, "/busy") }
      await expectRefusal(500) { try await client.perform(.get, "/odd") }
      await expectRefusal(404) { try await client.perform(.get, "/nothing") }
      await expectRefusal(404) { try await client.perform(.delete, "/busy") }
      await expectRefusal(400) { try await client.perform(.get, "/streams/..secret") }
      await #expect(
        throws: ControlError.refused(
          ControlFailure(status: 400, message: "the body has no member \"isAccepting\"")
        )
      ) { try await client.perform(.put, "/trust", body: ["a": 1]) }
    }
  }

  @Test func `an answer of another form is called malformed`() async throws {
    try await withClient(
      routes: { routes in routes.on(.get, "/text", from: .anyManager) { _ in "text" } }
    ) { client in
      await #expect {
        let _: Int = try await client.send(.get, "/text")
      } throws: { error in
        if case ControlError.malformed = error { true } else { false }
      }
    }
  }

  @Test func `a body above the limit is refused`() async throws {
    try await withClient(
      routes: { routes in
        routes.on(.put, "/big", from: .anyManager) { request in
          try request.body(as: String.self).utf8.count
        }
      }
    ) { client in
      let large = String(repeating: "x", count: 8 << 20)
      let count: Int = try await client.send(.put, "/big", body: large)
      #expect(count == large.utf8.count)
      await expectRefusal(413) {
        let tooLarge = String(repeating: "x", count: ControlCoding.bodyLimit)
        let _: Int = try await client.send(
          .put,
          "/big",
          body: tooLarge,
          timeout: .seconds(60)
        )
      }
    }
  }

  @Test func `an answer that takes too long is not waited for`() async throws {
    try await withClient(
      routes: { routes in
        routes.on(.get, "/slow", from: .anyManager) { _ in try await Task.sleep(for: .seconds(60)) }
      }
    ) { client in
      let began = ContinuousClock.now
      await expectUnreachable {
        try await client.perform(.get, "/slow", timeout: .milliseconds(300))
      }
      #expect(ContinuousClock.now - began < .seconds(30))
    }
  }

  @Test func `a port that nobody listens at is unreachable`() async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      let client = ControlClient(
        host: "127.0.0.1",
        port: 1,
        role: .appliance,
        site: site.identifier,
        identity: try site.identity(.manager),
        trust: try TestSite.trust(site)
      )
      await expectUnreachable { try await client.perform(.get, "/") }
    }
  }

  @Test func `a restarted peer is talked to as if nothing had happened`() async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      let trust = try TestSite.trust(site)
      var port = 0
      var client: ControlClient?
      for run in 0..<3 {
        try await withControlServer(
          of: site,
          port: port,
          trust: trust,
          routes: { routes in routes.on(.get, "/run", from: .anyManager) { _ in run } }
        ) { boundPort in
          port = boundPort
          let current =
            try client
            ?? ControlClient(
              host: "127.0.0.1",
              port: port,
              role: .appliance,
              site: site.identifier,
              identity: site.identity(.manager),
              trust: trust
            )
          client = current
          let answer: Int = try await current.send(.get, "/run")
          #expect(answer == run)
        }
        await expectUnreachable { try await client?.perform(.get, "/run") }
      }
    }
  }

  @Test func `the appliance's client and routes meet`() async throws {
    let checkpoint = Checkpoint(
      identifier: CheckpointIdentifier(102),
      time: WallTime(milliseconds: 1),
      tag: "before"
    )
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      let trust = try TestSite.trust(site)
      try await withControlServer(
        of: site,
        trust: trust,
        routes: { routes in
          let own = PeerRule.manager(of: site.identifier)
          routes.on(.post, ApplianceRoutes.checkpoints, from: own) { request in
            let mark: MarkRequest = try request.body()
            return MarkReply(isMarked: mark.checkpoint == checkpoint, reason: "")
          }
          routes.on(.get, ApplianceRoutes.journalCheckpoints, from: own) { request in
            request.query("stream") == "s1" ? [checkpoint] : []
          }
          routes.on(.delete, ApplianceRoutes.journal(StreamIdentifier(":stream")), from: own) {
            request in
            let stream: StreamIdentifier = try request.identifier("stream")
            guard stream == StreamIdentifier("s1"), try request.flag("keepReplica", default: false)
            else { throw ControlFailure(status: 404, message: "no such journal") }
          }
        }
      ) { port in
        let appliance = ApplianceClient(
          host: "127.0.0.1",
          port: port,
          site: site.identifier,
          identity: try site.identity(.manager),
          trust: trust
        )
        let stream = StreamIdentifier("s1")
        let reply = try await appliance.mark(
          MarkRequest(checkpoint: checkpoint, streams: [stream])
        )
        #expect(reply.isMarked)
        #expect(try await appliance.checkpoints(of: stream) == [checkpoint])
        try await appliance.endJournal(stream, keepingReplica: true)
        await expectRefusal(404) { try await appliance.endJournal(stream, keepingReplica: false) }
      }
    }
  }

  private func withClient(
    routes: (ControlRoutes) -> Void,
    _ body: (ControlClient) async throws -> Void
  ) async throws {
    try await TestSite.withFolder { folder in
      let site = try TestSite("london", in: folder)
      let trust = try TestSite.trust(site)
      try await withControlServer(of: site, trust: trust, routes: routes) { port in
        try await body(
          ControlClient(
            host: "127.0.0.1",
            port: port,
            role: .appliance,
            site: site.identifier,
            identity: try site.identity(.manager),
            trust: trust
          )
        )
      }
    }
  }
}
