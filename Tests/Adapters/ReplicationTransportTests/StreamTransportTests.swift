// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Identity
import Logging
import NIOCore
import NIOPosix
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(1)))
struct StreamTransportTests {
  static let stream = StreamIdentifier("33333333-0000-4000-8000-000000000003")
  static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
  let sites: TwoSites
  let sink = MemorySink()
  let source = MemorySource()

  init() throws { sites = try TwoSites() }

  /// A listener at paris that takes the one stream from london.
  func listener() async throws -> StreamListener {
    let sink = sink
    let listener = try StreamListener(
      host: "127.0.0.1",
      port: 0,
      identity: sites.identity(of: TwoSites.paris),
      trust: sites.trust,
      logger: Self.quiet
    ) { stream, site in
      stream == Self.stream && site == TwoSites.london ? sink : nil
    }
    try await listener.start()
    return listener
  }

  func sender(
    to port: Int?,
    stream: StreamIdentifier = Self.stream,
    compression: PayloadCompression = .none,
    expecting site: SiteIdentifier = TwoSites.paris,
    role: PeerRole = .appliance,
    source: MemorySource? = nil,
    limiter: LinkLimiter = LinkLimiter(),
    priority: VPGDefinition.Priority = .medium
  ) throws -> StreamSender {
    let sender = try StreamSender(
      stream: stream,
      settings: .init(
        host: "127.0.0.1",
        port: #require(port),
        site: site,
        compression: compression,
        priority: priority
      ),
      identity: sites.identity(of: TwoSites.london, role: role),
      trust: sites.trust,
      source: source ?? self.source,
      limiter: limiter,
      logger: Self.quiet
    )
    sender.start()
    return sender
  }

  func stop(_ sender: StreamSender, _ listener: StreamListener) async {
    await onThread { sender.stop() }
    await listener.stop()
  }

  @Test(arguments: PayloadCompression.allCases)
  func `every record arrives in order and is acknowledged`(
    compression: PayloadCompression
  ) async throws {
    let listener = try await listener()
    let sender = try sender(to: listener.boundPort, compression: compression)
    var generator = SystemRandomNumberGenerator()
    for number in 0..<300 {
      let isRandom = compression == .none && number % 3 == 0
      let count = number % 7 * 3000
      source.add(
        (0..<count).map { isRandom ? UInt8.random(in: 0...255, using: &generator) : UInt8($0 & 7) }
      )
    }
    #expect(await source.wait { $0.acknowledged == 300 })
    #expect(sink.payloads == source.records.map(\.1))
    if compression != .none {
      let total = source.records.reduce(0) { $0 + $1.1.count }
      #expect(sender.bytesSent < UInt64(total) * 3 / 4)
    }
    #expect(sender.isConnected)
    await stop(sender, listener)
    #expect(sink.closedCount == sink.sessions.count)
  }

  @Test func `a lost link is made anew and goes on after what is durable`() async throws {
    let listener = try await listener()
    let sender = try sender(to: listener.boundPort)
    for round in 1...5 {
      for _ in 0..<20 { source.add([UInt8](repeating: UInt8(round), count: 30_000)) }
      sink.monitor.withLock { sink.sessions.last }?.close("for the test")
    }
    #expect(await source.wait { $0.acknowledged == 100 })
    #expect(sink.payloads == source.records.map(\.1))
    await stop(sender, listener)
  }

  @Test func `the sink's words reach the sender`() async throws {
    let listener = try await listener()
    let sender = try sender(to: listener.boundPort)
    #expect(await source.wait { !$0.welcomes.isEmpty })
    sink.sessions[0].close("the disk is full")
    #expect(await source.wait { $0.reasons.contains("the disk is full") })
    await stop(sender, listener)
  }

  @Test func `a stream nobody keeps a journal of is refused with a reason`() async throws {
    let listener = try await listener()
    let sender = try sender(to: listener.boundPort, stream: StreamIdentifier("other"))
    #expect(await source.wait { $0.reasons.contains { $0.contains("no journal") } })
    #expect(source.welcomes.isEmpty)
    await stop(sender, listener)
  }

  @Test func `an appliance of another site than the expected one is not talked to`() async throws {
    let listener = try await listener()
    let sender = try sender(to: listener.boundPort, expecting: TwoSites.london)
    #expect(await source.wait { $0.reasons.count >= 2 })
    #expect(source.welcomes.isEmpty)
    #expect(sink.sessions.isEmpty)
    await stop(sender, listener)
  }

  @Test func `a manager's certificate opens no stream`() async throws {
    let listener = try await listener()
    let sender = try sender(to: listener.boundPort, role: .manager)
    #expect(await source.wait { $0.reasons.count >= 2 })
    #expect(source.welcomes.isEmpty)
    #expect(sink.sessions.isEmpty)
    await stop(sender, listener)
  }

  @Test func `a newer session ends the older one`() async throws {
    let listener = try await listener()
    let first = try sender(to: listener.boundPort)
    #expect(await source.wait { !$0.welcomes.isEmpty })
    let other = MemorySource()
    let second = try sender(to: listener.boundPort, source: other)
    #expect(await source.wait { $0.reasons.contains { $0.contains("newer connection") } })
    await onThread { first.stop() }
    other.add([1])
    #expect(await other.wait { $0.acknowledged == 1 })
    await stop(second, listener)
  }

  @Test func `hashes are answered and a failure does not end the link`() async throws {
    let listener = try await listener()
    let sender = try sender(to: listener.boundPort)
    #expect(await source.wait { !$0.welcomes.isEmpty })
    source.add([1])
    #expect(await source.wait { $0.acknowledged == 1 })
    let tickets = (0..<10).map {
      sender.beginHashes(volume: 0, at: UInt64($0) << 20, blockSize: 65536, count: 16)
    }
    for (index, ticket) in tickets.enumerated() {
      let hashes = try await onThread { Result { try ticket.wait() } }.get()
      #expect(hashes.count == 16)
      #expect(hashes.first?.low == UInt64(index) << 20)
    }
    let failed = sender.beginHashes(volume: 1, at: 0, blockSize: 65536, count: 1)
    await #expect(throws: StreamSenderError.notReadable) {
      try await onThread { Result { try failed.wait() } }.get()
    }
    #expect(sender.isConnected)
    await stop(sender, listener)
    #expect(throws: StreamSenderError.linkLost) {
      try sender.hashes(volume: 0, at: 0, blockSize: 65536, count: 1)
    }
  }

  @Test func `a receiver that accepts nothing gets nothing and is asked again`() async throws {
    sink.isAccepting = false
    let listener = try await listener()
    source.add([1])
    let sender = try sender(to: listener.boundPort)
    #expect(await source.wait { $0.welcomes.count >= 2 })
    #expect(sink.payloads.isEmpty)
    sink.monitor.withLock { sink.isAccepting = true }
    #expect(await source.wait { $0.acknowledged == 1 })
    await stop(sender, listener)
  }

  @Test func `stopping does not wait for a peer that says nothing`() async throws {
    let deaf = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let sender = try sender(to: deaf.localAddress?.port)
    let clock = ContinuousClock()
    let time = await clock.measure { await onThread { sender.stop() } }
    #expect(time < .seconds(2))
    try await deaf.close()
  }

  @Test func `a peer that says nothing is given up`() async throws {
    let deaf = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let sender = try sender(to: deaf.localAddress?.port)
    #expect(await source.wait { !$0.reasons.isEmpty })
    await onThread { sender.stop() }
    try await deaf.close()
  }

  @Test func `senders keep together to a limit and to the schedule's next one`() async throws {
    let moment = Mutex(BandwidthSchedule.Moment(day: 1, minute: 0))
    let limiter = LinkLimiter { moment.withLock { $0 } }
    // Nothing but what was lent can go out at one byte per second.
    limiter.keep(
      to: BandwidthSchedule(limit: 1, periods: [.init(days: [1], from: 60, to: 120, limit: nil)]),
      part: 1
    )
    let listener = try await listener()
    let sender = try sender(to: listener.boundPort, limiter: limiter)
    #expect(await source.wait { !$0.welcomes.isEmpty })
    for number in 0..<200 { source.add([UInt8](repeating: UInt8(number), count: 20_000)) }
    #expect(await source.wait { $0.acknowledged >= 1 })
    // One frame was lent; the next one waits, and would for days.
    #expect(await onThread { limiter.waits(atMost: 10_000) })
    #expect(limiter.grantedByteCount <= (1 << 20) + 8192)
    #expect(limiter.limit == 1)
    moment.withLock { $0.minute = 60 }
    #expect(limiter.limit == nil)
    #expect(await source.wait { $0.acknowledged == 200 })
    #expect(sink.payloads == source.records.map(\.1))
    await stop(sender, listener)
  }

  @Test func `two senders under a limit share it by priority and keep to it`() async throws {
    let limit: UInt64 = 1_000_000
    let limiter = LinkLimiter()
    limiter.keep(to: BandwidthSchedule(limit: 2 * limit), part: 0.5)
    let other = StreamIdentifier("44444444-0000-4000-8000-000000000004")
    let sinks = [Self.stream: sink, other: MemorySink()]
    let listener = try StreamListener(
      host: "127.0.0.1",
      port: 0,
      identity: sites.identity(of: TwoSites.paris),
      trust: sites.trust,
      logger: Self.quiet
    ) { stream, _ in sinks[stream] }
    try await listener.start()
    let sources = [source, MemorySource()]
    for source in sources {
      for _ in 0..<600 { source.add([UInt8](repeating: 1, count: 20_000)) }
    }
    let start = Monitor.now()
    let senders = [
      try sender(to: listener.boundPort, source: sources[0], limiter: limiter, priority: .high),
      try sender(
        to: listener.boundPort,
        stream: other,
        source: sources[1],
        limiter: limiter,
        priority: .low
      ),
    ]
    #expect(await sources[0].wait { $0.acknowledged >= 150 })
    let bytes = limiter.grantedByteCount
    let elapsed = UInt64(Monitor.now() - start)
    // What the limit allows for the time, a burst of 50 ms, and a frame lent to each: the first
    // ones were made before the limit was known.
    #expect(bytes <= limit * (elapsed + 50) / 1000 + 2 << 20)
    let counts = sources.map { source in source.monitor.withLock { source.acknowledged } }
    #expect(counts[0] > 2 * counts[1])
    for sender in senders { await onThread { sender.stop() } }
    await listener.stop()
  }
}
