// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import Identity
package import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
package import RecoveryModel
package import ReplicationProtocol

/// Sends one stream to another site's appliance: connects, reconnects, resumes.
///
/// One thread of its own takes batches from the source and writes them; the network's threads
/// bring acknowledgements. At most one connection is there at a time.
///
/// `@unchecked Sendable`: the monitor guards everything that changes.
package final class StreamSender: @unchecked Sendable {
  /// Where the stream goes and how.
  package struct Settings: Hashable, Sendable {
    package var host: String
    package var port: Int
    /// The site the other appliance must belong to.
    package var site: SiteIdentifier
    /// What to compress with, if the other side can undo it.
    package var compression: PayloadCompression
    /// The stream's part of the link against others'.
    package var priority: VPGDefinition.Priority
    /// About the most payload of one frame, in bytes: what a frame is copied, summed and encrypted
    /// from is still in the processor's cache then.
    package var batchByteCount = 512 << 10

    package init(
      host: String,
      port: Int,
      site: SiteIdentifier,
      compression: PayloadCompression,
      priority: VPGDefinition.Priority = .medium
    ) {
      self.host = host
      self.port = port
      self.site = site
      self.compression = compression
      self.priority = priority
    }
  }

  private let stream: StreamIdentifier
  private let settings: Settings
  private let source: any StreamSource
  private let tls: NIOSSLContext
  private let trust: TrustStore
  private let limiter: LinkLimiter
  private let refusals: RefusalLog
  private let member: BandwidthShare.Member
  private let logger: Logger
  private let monitor = Monitor()
  private var connection: SenderConnection?
  private var isOpen = false
  private var isStopping = false
  private var isStarted = false
  private var isFinished = false
  private var sentByteCount: UInt64 = 0

  /// Makes a sender that does nothing yet; those of one `limiter` share its limit, and what
  /// goes wrong is counted in `refusals`.
  ///
  /// - Throws: If the identity's certificate or key cannot be used.
  package init(
    stream: StreamIdentifier,
    settings: Settings,
    identity: TLSIdentity,
    trust: TrustStore,
    source: any StreamSource,
    limiter: LinkLimiter = LinkLimiter(),
    refusals: RefusalLog? = nil,
    logger: Logger
  ) throws {
    self.stream = stream
    self.settings = settings
    self.source = source
    self.trust = trust
    self.logger = logger
    self.limiter = limiter
    self.refusals = refusals ?? RefusalLog(logger: logger)
    tls = try NIOSSLContext(configuration: clientTLS(identity: identity))
    member = limiter.join(settings.priority)
  }

  deinit { limiter.leave(member) }

  /// Gives the stream another part of the link against others'.
  package func setPriority(_ priority: VPGDefinition.Priority) {
    limiter.setPriority(priority, of: member)
  }

  /// Whether a link is open and the other side takes records.
  package var isConnected: Bool { monitor.withLock { isOpen } }

  /// Bytes of frames with records since the start.
  package var bytesSent: UInt64 { monitor.withLock { sentByteCount } }

  /// Begins to connect.
  ///
  /// Called once.
  package func start() {
    monitor.withLock {
      precondition(!isStarted, "started twice")
      isStarted = true
    }
    let thread = Thread { self.run() }
    thread.name = "stream-sender"
    thread.start()
  }

  /// Ends the link and waits until the sender's thread is gone, which is a matter of the source's
  /// longest wait.
  ///
  /// May be called again.
  package func stop() {
    let current = monitor.withLock {
      isStopping = true
      monitor.broadcast()
      return connection
    }
    current?.end("stopped")
    monitor.withLock {
      while isStarted, !isFinished { monitor.wait() }
    }
  }

  /// Asks the other side for hashes of its newest content, records sent before included.
  package func beginHashes(
    volume: Int,
    at offset: UInt64,
    blockSize: Int,
    count: Int
  ) -> HashTicket {
    if let current = monitor.withLock({ isOpen ? connection : nil }) {
      return current.ask(volume: volume, at: offset, blockSize: blockSize, count: count)
    }
    return .lost
  }

  /// Like ``beginHashes(volume:at:blockSize:count:)``, and blocks until the answer is there.
  package func hashes(
    volume: Int,
    at offset: UInt64,
    blockSize: Int,
    count: Int
  ) throws(StreamSenderError) -> [BlockHash] {
    try beginHashes(volume: volume, at: offset, blockSize: blockSize, count: count).wait()
  }
}

// MARK: - The sender's thread

extension StreamSender {
  private static let shortestPause: Int64 = 100
  private static let longestPause: Int64 = 2000
  /// Whoever took the stream over keeps it this long before it is asked for again.
  private static let fencedPause: Int64 = 30_000
  private static let connectSeconds: Int64 = 3
  /// How long the source may wait for records, and so how long stopping takes at most.
  private static let takeMilliseconds = 100

  private func run() {
    var pause = Self.shortestPause
    var writer = FrameWriter(compression: .none)
    let batch = RecordBatch(payloadCapacity: settings.batchByteCount * 2)
    while let link = connect() {
      var reason = "the other site takes no writes of this VM at the moment"
      var wasAccepted = false
      if let welcome = link.waitForWelcome() {
        if case .after(let sequence) = source.linkOpened(welcome), welcome.isAccepting {
          wasAccepted = true
          link.resume(after: sequence)
          writer.compression = welcome.compressions.best(for: settings.compression)
          monitor.withLock { isOpen = true }
          logger.info("stream is linked", metadata: ["after": "\(sequence.rawValue)"])
          pump(link, batch, &writer)
        }
      }
      if link.isOver { reason = link.endReason }
      let refusal = link.refusal
      if let refusal { refusals.note(refusal, peer: "\(settings.host):\(settings.port)", reason) }
      monitor.withLock { isOpen = false }
      link.end(reason)
      source.linkClosed(reason)
      pause = wasAccepted ? Self.shortestPause : min(pause * 2, Self.longestPause)
      // Two that take each other's place in turn would send nothing.
      if refusal == .fenced { pause = Self.fencedPause }
      sleep(milliseconds: pause)
    }
    monitor.withLock {
      connection = nil
      isFinished = true
      monitor.broadcast()
    }
  }

  private func pump(_ link: SenderConnection, _ batch: RecordBatch, _ writer: inout FrameWriter) {
    while let position = link.waitForRoom() {
      batch.removeAll()
      source.take(
        after: position,
        into: batch,
        byteLimit: min(settings.batchByteCount, limiter.frameByteLimit),
        waitMilliseconds: Self.takeMilliseconds
      )
      guard !batch.isEmpty else { continue }
      // Under a limit it is the line that is slow, however idle it looks. A batch that is not full
      // is all there is: nothing is late.
      let isLinkIdle =
        link.isIdle && limiter.limit == nil
        && batch.payloadByteCount > settings.batchByteCount / 2
      let frame = writer.frame(of: batch, isLinkIdle: isLinkIdle)
      let isAdmitted = limiter.admit(
        member,
        byteCount: frame.readableBytes,
        isSync: batch.isMostlyPulled,
        isOver: { link.isOver }
      )
      guard isAdmitted, link.send(batch, as: frame) else { return }
      monitor.withLock { sentByteCount += UInt64(frame.readableBytes) }
    }
  }

  /// - Returns: A connection that is being made; nil if the sender is to stop.
  private func connect() -> SenderConnection? {
    let link = SenderConnection(stream: stream, source: source)
    let isWanted = monitor.withLock {
      connection = link
      return !isStopping
    }
    guard isWanted else { return nil }
    let site = settings.site
    let tls = tls
    let verify = trust.verificationCallback { peer in
      peer.role == .appliance && peer.site == site
    }
    ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(.seconds(Self.connectSeconds))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.socketOption(.so_keepalive), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let security = try NIOSSLClientHandler(
            context: tls,
            serverHostname: nil,
            customVerificationCallback: verify
          )
          try channel.pipeline.syncOperations.addHandlers([
            security, LinkHandler(link, batches: BatchPool()),
          ])
        }
      }
      .connect(host: settings.host, port: settings.port)
      .whenFailure { error in link.failedToConnect(error) }
    return link
  }

  private func sleep(milliseconds: Int64) {
    let deadline = Monitor.now() + milliseconds
    monitor.withLock {
      while !isStopping, monitor.wait(until: deadline) {}
    }
  }
}
