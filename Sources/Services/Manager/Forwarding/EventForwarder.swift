// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Logging
internal import NIOSSL
internal import Orchestration
internal import RecoveryModel
internal import ServiceLifecycle
internal import Synchronization

/// Takes events to one place.
protocol EventSender: Sendable {
  func send(_ event: EventRecord) async throws
  func close() async
}

/// Passes the site's events on to the targets of its configuration.
///
/// Each target has a queue of its own: one that does not answer keeps nobody else waiting, and
/// nothing of the site waits for any. An event waits until its target can be reached, and is left
/// out if the target refuses it too often; what a full queue does not hold is lost to that target,
/// and said in the log.
struct EventForwarder: Service {
  /// A site has a few events a minute; the queue outlasts a receiver's restart in a storm.
  private static let queueLimit = 10_000
  private static let refusalLimit = 10
  private static let firstPause = Duration.seconds(1)
  private static let longestPause = Duration.seconds(60)

  private let targets: [(name: String, sender: any EventSender, events: AsyncStream<EventRecord>)]
  private let logger: Logger

  /// Subscribes to `feed` for each target.
  ///
  /// Throws if a target's address is none, or one of its files cannot be read.
  init(
    _ targets: [ForwardingTarget],
    feed: EventFeed,
    ownName: String,
    logger: Logger
  ) throws {
    self.logger = logger
    self.targets = try targets.map { target in
      let lost = LossCount(target: target.name, logger: logger)
      return (
        name: target.name,
        sender: try Self.sender(for: target, ownName: ownName),
        events: feed.events(limit: Self.queueLimit) { lost.add() }
      )
    }
  }

  private static func sender(
    for target: ForwardingTarget,
    ownName: String
  ) throws -> any EventSender {
    var tls = TLSConfiguration.makeClientConfiguration()
    if let file = target.authorityFile {
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
    }
    switch try target.kind() {
    case .syslog(let transport, let host, let port):
      return SyslogSender(
        transport,
        host: host,
        port: port,
        tls: transport == .tls ? tls : nil,
        ownName: ownName
      )
    case .webhook(let url):
      let text = try String(contentsOfFile: target.secretFile ?? "", encoding: .utf8)
      guard let secret = text.split(whereSeparator: \.isNewline).first, !secret.isEmpty else {
        throw ManagerConfigurationError.notATarget(url)
      }
      return WebhookSender(url, secret: String(secret), tls: tls)
    }
  }

  func run() async {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        // Without targets, too, it lasts as long as the manager.
        group.addTask { try? await gracefulShutdown() }
        for target in targets {
          group.addTask {
            for await event in target.events { await deliver(event, target.name, target.sender) }
            await target.sender.close()
          }
        }
      }
    }
  }

  private func deliver(_ event: EventRecord, _ name: String, _ sender: any EventSender) async {
    var pause = Self.firstPause
    var tries = 0
    var refusals = 0
    while !Task.isCancelled {
      do { return try await sender.send(event) } catch {
        if Task.isCancelled { return }
        tries += 1
        if (error as? ForwardingRefusal)?.isTemporary == false { refusals += 1 }
        let isLeftOut = refusals == Self.refusalLimit
        if tries == 1 || isLeftOut {
          logger.warning(
            isLeftOut ? "event not forwarded" : "event not forwarded yet",
            metadata: ["target": "\(name)", "event": "\(event.identifier)", "reason": "\(error)"]
          )
        }
        guard !isLeftOut, (try? await Task.sleep(for: pause)) != nil else { return }
        pause = min(pause * 2, Self.longestPause)
      }
    }
  }
}

/// Counts what a full queue does not hold, and says so, though not for every event.
private final class LossCount: Sendable {
  private let count = Mutex(0)
  private let target: String
  private let logger: Logger

  init(target: String, logger: Logger) {
    self.target = target
    self.logger = logger
  }

  func add() {
    let lost = count.withLock { count in
      count += 1
      return count
    }
    guard lost == 1 || lost.isMultiple(of: 1000) else { return }
    logger.error(
      "events lost to a full queue",
      metadata: ["target": "\(target)", "lost": "\(lost)"]
    )
  }
}
