// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Identity
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Testing

/// Peers that break the rules, over real TLS: each is refused, told why, logged and counted.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct BadPeerTests {
  static let stream = StreamTransportTests.stream
  static let quiet = StreamTransportTests.quiet
  let sites: TwoSites
  let sink = MemorySink()
  let refusals = RefusalLog(logger: quiet)

  init() throws { sites = try TwoSites() }

  func listener() async throws -> StreamListener {
    let sink = sink
    let listener = try StreamListener(
      host: "127.0.0.1",
      port: 0,
      identity: sites.identity(of: TwoSites.paris),
      trust: sites.trust,
      refusals: refusals,
      logger: Self.quiet
    ) { stream, _ in stream == Self.stream ? sink : nil }
    try await listener.start()
    return listener
  }

  func peer(of listener: StreamListener, reads: Bool = true) async throws -> RawPeer {
    // On a busy machine a handshake may take longer than a peer is given to say hello.
    while true {
      let peer = try await RawPeer(
        port: #require(listener.boundPort),
        identity: sites.identity(of: TwoSites.london),
        trust: sites.trust,
        reads: reads
      )
      peer.send(ControlMessage.ping(99).encoded())
      if await peer.hears(.pong(99)) { return peer }
    }
  }

  /// Waits until a refusal was counted.
  func refusal(_ cause: LinkRefusal.Cause) async -> LinkRefusal? {
    for _ in 0..<5000 {
      if let found = refusals.all.first(where: { $0.cause == cause }) { return found }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return nil
  }

  static func hello(version: UInt16 = ControlMessage.version) -> [UInt8] {
    ControlMessage.hello(version: version, stream: stream).encoded()
  }

  @Test func `another version is refused with the reason`() async throws {
    let listener = try await listener()
    let peer = try await peer(of: listener)
    peer.send(Self.hello(version: 77))
    #expect(await peer.refusal()?.code == .unsupportedVersion)
    let refusal = try #require(await refusal(.version))
    #expect(refusal.reason.contains("77"))
    #expect(refusal.peer.contains(TwoSites.london.rawValue))
    #expect(sink.sessions.isEmpty)
    await listener.stop()
  }

  @Test func `a frame that is too long is refused before it arrives`() async throws {
    let listener = try await listener()
    let peer = try await peer(of: listener)
    peer.send(Self.hello())
    #expect(await peer.isWelcomed())
    peer.send([0xff, 0xff, 0xff, 0x7f, FrameKind.data.rawValue, 0, 0, 0, 0, 0, 0, 0])
    #expect(await peer.refusal()?.code == .protocolError)
    #expect(await refusal(.protocolViolation)?.reason.contains("2147483659") == true)
    await listener.stop()
  }

  @Test func `garbage after a good beginning ends that link alone`() async throws {
    let listener = try await listener()
    let good = try await peer(of: listener)
    good.send(Self.hello())
    #expect(await good.isWelcomed())
    let bad = try await peer(of: listener)
    bad.send([UInt8](repeating: 0x5a, count: 5000))
    #expect(await bad.refusal()?.code == .protocolError)
    good.send(ControlMessage.ping(4).encoded())
    #expect(await good.hears(.pong(4)))
    good.close()
    await listener.stop()
  }

  @Test func `a peer that asks and does not read is cut`() async throws {
    let listener = try await listener()
    let peer = try await peer(of: listener, reads: false)
    peer.send(Self.hello())
    #expect(await peer.isWelcomed())
    let query = HashQuery(
      identifier: 1,
      volume: 0,
      offset: 0,
      blockSize: 512,
      blockCount: UInt32(HashQuery.maximumBlockCount)
    )
    // The kernel's buffers take some MiB; the appliance's own memory takes no more than one.
    for _ in 0..<400 { peer.send(ControlMessage.hashQuery(query).encoded()) }
    #expect(await refusal(.stalled) != nil)
    peer.close()
    await listener.stop()
  }

  @Test func `a peer without a trusted certificate is counted by its address`() async throws {
    let listener = try await listener()
    let strangers = try TwoSites()
    while !refusals.all.contains(where: { $0.cause == .certificate }) {
      let peer = try await RawPeer(
        port: #require(listener.boundPort),
        identity: strangers.identity(of: TwoSites.london),
        trust: sites.trust,
        reads: true
      )
      peer.send(Self.hello())
      await peer.waitUntilClosed()
    }
    #expect(await refusal(.certificate)?.peer == "127.0.0.1")
    #expect(sink.sessions.isEmpty)
    await listener.stop()
  }

  @Test func `each end counts what it refuses and what it is refused`() async throws {
    let listener = try await listener()
    let port = try #require(listener.boundPort)
    let own = RefusalLog(logger: Self.quiet)
    func sender(_ stream: StreamIdentifier, _ source: MemorySource) throws -> StreamSender {
      let sender = try StreamSender(
        stream: stream,
        settings: .init(
          host: "127.0.0.1",
          port: port,
          site: TwoSites.paris,
          compression: .none
        ),
        identity: sites.identity(of: TwoSites.london),
        trust: sites.trust,
        source: source,
        refusals: own,
        logger: Self.quiet
      )
      sender.start()
      return sender
    }
    let sources = (0..<3).map { _ in MemorySource() }
    let stranger = try sender(StreamIdentifier("unknown"), sources[0])
    let first = try sender(Self.stream, sources[1])
    #expect(await sources[1].wait { !$0.welcomes.isEmpty })
    let second = try sender(Self.stream, sources[2])
    #expect(await sources[1].wait { !$0.reasons.isEmpty })
    #expect(await sources[0].wait { !$0.reasons.isEmpty })
    #expect(await refusal(.fenced) != nil)
    #expect(await refusal(.unknownStream) != nil)
    #expect(Set(own.all.map(\.cause)) == [.fenced, .unknownStream])
    // The fenced one keeps away, so the newer one stays.
    sources[2].add([1])
    #expect(await sources[2].wait { $0.acknowledged == 1 })
    #expect(refusals.all.first { $0.cause == .fenced }?.count == 1)
    for sender in [stranger, first, second] { await onThread { sender.stop() } }
    await listener.stop()
  }
}
