// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import Orchestration
internal import RecoveryModel
internal import ServiceLifecycle
internal import UnixSignals

/// Keeps the REST API's certificate in step with its files, renews the site's own before it ends,
/// and warns of one that nobody renews.
///
/// Time is the system's clock: whoever checks a certificate goes by that.
actor CertificateWatch: Service {
  private static let interval = Duration.seconds(1)
  private static let millisecondsBetweenWarnings: Int64 = 86_400_000

  private let certificate: ServerCertificate
  private let hangups: UnixSignalsSequence
  private let renew: (@Sendable () throws -> Void)?
  private let events: EventLog

  /// What was wrong with the files at the last look, and whether that was said.
  private var complaint: (reason: String, isSaid: Bool)?
  private var warned: WallTime?

  /// `hangups`: SIGHUP, which asks for a look at once.
  ///
  /// `renew`: Issues the next certificate into the folder; nil if an operator supplies it.
  init(
    certificate: ServerCertificate,
    hangups: UnixSignalsSequence,
    renew: (@Sendable () throws -> Void)?,
    events: EventLog
  ) {
    self.certificate = certificate
    self.hangups = hangups
    self.renew = renew
    self.events = events
  }

  func run() async {
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        group.addTask {
          for await _ in self.hangups { await self.look(isAsked: true) }
        }
        group.addTask {
          while !Task.isCancelled {
            await self.look(isAsked: false)
            do { try await Task.sleep(for: Self.interval) } catch { return }
          }
        }
      }
    }
  }

  private func look(isAsked: Bool) async {
    do {
      if let renew, certificate.isEnding(at: .now) { try renew() }
      let isNew = try certificate.reload(at: .now)
      complaint = nil
      if isNew {
        warned = nil
        await events.record(
          .unknown,
          "The REST API shows a new certificate. It ends at "
            + "\(ServerCertificate.text(certificate.ends))."
        )
      }
    } catch {
      await complain("\(error)", isAsked: isAsked)
    }
    await warn()
  }

  /// Says what is wrong once, or whenever somebody asks.
  ///
  /// Two files cannot be replaced at once: only what a second look finds as well is said.
  private func complain(_ reason: String, isAsked: Bool) async {
    let isKnown = complaint?.reason == reason
    let isSaid = isKnown && complaint?.isSaid == true
    let isDue = isAsked || (isKnown && !isSaid)
    complaint = (reason, isSaid || isDue)
    guard isDue else { return }
    await events.record(
      .unknown,
      "The REST API goes on with its old certificate; the new one cannot be used: \(reason).",
      succeeded: false
    )
  }

  /// Warns once a day of a certificate that ends.
  private func warn() async {
    let now = WallTime.now
    guard certificate.isEnding(at: now) else { return }
    if let warned, now.milliseconds(since: warned) < Self.millisecondsBetweenWarnings {
      return
    }
    warned = now
    let ends = certificate.ends
    await events.record(
      .unknown,
      "The REST API's certificate \(ends <= now ? "ended" : "ends") at "
        + "\(ServerCertificate.text(ends)). Put a newer one into \(certificate.folder).",
      succeeded: false
    )
  }
}
