// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import RecoveryModel
internal import ReplicationProtocol

/// Carries out one checkpoint: by a mark if one appliance sends all the streams, else by a
/// ``CheckpointRound`` over all of them.
package struct CheckpointRunner: Sendable {
  /// How long guests may be made to wait, and how long a round has until all hold.
  package static let limitInMilliseconds = 100

  /// The appliances, and the streams each of them sends.
  package typealias Senders = [ApplianceIdentifier: [StreamIdentifier]]

  private enum Answer {
    case held(ApplianceIdentifier)
    case refused(ApplianceIdentifier, String)
    case lost(ApplianceIdentifier, String)
    case released(ApplianceIdentifier, MarkReply)
    case limitReached
  }

  private let client: @Sendable (ApplianceIdentifier) throws(SiteError) -> any ApplianceControl

  /// Makes a runner that calls the appliances `client` gives.
  package init(
    client: @escaping @Sendable (ApplianceIdentifier) throws(SiteError) -> any ApplianceControl
  ) {
    self.client = client
  }

  /// Marks a checkpoint in all the streams; the VMs of those that are `resting` are off.
  ///
  /// With a `deadline` the mark is put in before it or not at all, whatever becomes of the answers:
  /// only a round can promise that.
  ///
  /// - Returns: Whether it is in all of them, or why not, in words for an operator. A checkpoint
  ///   that is in some of them only is none that anybody can go back to.
  package func run(
    _ checkpoint: Checkpoint,
    over senders: Senders,
    resting: [StreamIdentifier] = [],
    before deadline: ContinuousClock.Instant? = nil
  ) async throws(SiteError) -> MarkReply {
    if let deadline {
      let left = min(deadline - .now, .milliseconds(Self.limitInMilliseconds))
      guard left > .zero else { return MarkReply(isMarked: false, reason: "there is no time left") }
      return await round(checkpoint, senders, resting, limit: left)
    }
    if senders.count == 1, let (appliance, streams) = senders.first {
      return try await client(appliance).mark(
        MarkRequest(checkpoint: checkpoint, streams: streams, resting: resting)
      )
    }
    return await round(
      checkpoint,
      senders,
      resting,
      limit: .milliseconds(Self.limitInMilliseconds)
    )
  }

  private func round(
    _ checkpoint: Checkpoint,
    _ senders: Senders,
    _ resting: [StreamIdentifier],
    limit: Duration
  ) async -> MarkReply {
    var reasons: [ApplianceIdentifier: String] = [:]
    var outcome: CheckpointRound.Outcome?
    await withTaskGroup(of: Answer.self) { group in
      var round = CheckpointRound(
        over: senders.keys.sorted(),
        now: Self.now(),
        limit: Self.microseconds(limit)
      )
      var actions = round.firstActions
      group.addTask {
        try? await Task.sleep(for: limit)
        return .limitReached
      }
      while true {
        for action in actions {
          switch action {
          case .hold(let appliance):
            group.addTask { await hold(appliance, checkpoint, senders, resting) }
          case .release(let appliance, let keepsMark):
            group.addTask { await release(appliance, checkpoint, senders, keepsMark) }
          case .finish(let end): outcome = end
          }
        }
        guard let answer = await group.next() else { break }
        switch answer {
        case .held(let appliance): actions = round.held(appliance, now: Self.now())
        case .refused(let appliance, let reason):
          reasons[appliance] = reason
          actions = round.refused(appliance)
        case .lost(let appliance, let reason):
          reasons[appliance] = reason
          actions = round.lost(appliance)
        case .released(let appliance, let reply):
          if !reply.isMarked, reasons[appliance] == nil { reasons[appliance] = reply.reason }
          actions = round.released(appliance, isMarked: reply.isMarked)
        case .limitReached: actions = round.tick(now: Self.now())
        }
        if outcome == .made { group.cancelAll() }
      }
    }
    return Self.reply(outcome, reasons)
  }

  private func hold(
    _ appliance: ApplianceIdentifier,
    _ checkpoint: Checkpoint,
    _ senders: Senders,
    _ resting: [StreamIdentifier]
  ) async -> Answer {
    let request = HoldRequest(
      checkpoint: checkpoint,
      streams: senders[appliance] ?? [],
      resting: resting,
      limitInMilliseconds: Self.limitInMilliseconds
    )
    do throws(SiteError) {
      let reply = try await client(appliance).hold(request)
      return reply.isMarked ? .held(appliance) : .refused(appliance, reply.reason)
    } catch {
      return .lost(appliance, error.message)
    }
  }

  private func release(
    _ appliance: ApplianceIdentifier,
    _ checkpoint: Checkpoint,
    _ senders: Senders,
    _ keepsMark: Bool
  ) async -> Answer {
    let request = ReleaseRequest(
      checkpoint: checkpoint.identifier,
      streams: senders[appliance] ?? [],
      keepsMark: keepsMark
    )
    do throws(SiteError) {
      return .released(appliance, try await client(appliance).release(request))
    } catch {
      return .lost(appliance, error.message)
    }
  }

  private static func reply(
    _ outcome: CheckpointRound.Outcome?,
    _ reasons: [ApplianceIdentifier: String]
  ) -> MarkReply {
    func words(_ appliance: ApplianceIdentifier) -> String {
      reasons[appliance] ?? "it gave no reason"
    }
    let reason =
      switch outcome {
      case .made: ""
      case .skipped(.refused(let appliance)): "appliance \(appliance): \(words(appliance))"
      case .skipped(.lost(let appliance)):
        "appliance \(appliance) did not answer: \(words(appliance))"
      case .skipped(.limit), nil:
        "not every appliance held its VMs within \(limitInMilliseconds) ms"
      }
    return MarkReply(isMarked: outcome == .made, reason: reason)
  }

  private static func now() -> Int64 { microseconds(.now - start) }

  static func microseconds(_ time: Duration) -> Int64 {
    time.components.seconds * 1_000_000 + time.components.attoseconds / 1_000_000_000_000
  }

  private static let start = ContinuousClock.now
}
