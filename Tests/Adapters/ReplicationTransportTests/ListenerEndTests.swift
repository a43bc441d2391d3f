// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ListenerEndTests {
  /// A pool of as many threads as there are processors ends the sessions; whoever waits for that
  /// must not need one of them.
  @Test func `more listeners than processors end at once, each with a link`() async throws {
    let sites = try TwoSites()
    var links: [(listener: StreamListener, peer: RawPeer)] = []
    for _ in 0...System.coreCount {
      let listener = try StreamListener(
        host: "127.0.0.1",
        port: 0,
        identity: sites.identity(of: TwoSites.paris),
        trust: sites.trust,
        refusals: RefusalLog(logger: StreamTransportTests.quiet),
        logger: StreamTransportTests.quiet
      ) { _, _ in nil }
      try await listener.start()
      let peer = try await RawPeer(
        port: #require(listener.boundPort),
        identity: sites.identity(of: TwoSites.london),
        trust: sites.trust,
        reads: true
      )
      peer.send(ControlMessage.ping(99).encoded())
      #expect(await peer.hears(.pong(99)))
      links.append((listener, peer))
    }
    await withTaskGroup { group in
      for (listener, _) in links { group.addTask { await listener.stop() } }
    }
    for (_, peer) in links { peer.close() }
  }
}
