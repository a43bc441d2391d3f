// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// What is worth an event of the links that one appliance refused: each cause and peer at once,
/// and then once a minute at most, however often it happens.
struct RefusalReport: Sendable {
  /// The least time between two events of the same cause and peer.
  static let pauseMilliseconds: Int64 = 60_000

  private struct Key: Hashable {
    let cause: LinkRefusal.Cause
    let peer: String
  }

  private let since: WallTime
  private var told: [Key: (last: WallTime, at: WallTime)] = [:]

  /// Reports nothing that happened before `since`.
  init(since: WallTime) { self.since = since }

  /// The texts of new events, for what an appliance says now.
  mutating func news(_ refusals: [LinkRefusal], at now: WallTime) -> [String] {
    var texts: [String] = []
    for refusal in refusals {
      let key = Key(cause: refusal.cause, peer: refusal.peer)
      guard refusal.last > told[key]?.last ?? since else { continue }
      if let at = told[key]?.at, now.milliseconds - at.milliseconds < Self.pauseMilliseconds {
        continue
      }
      told[key] = (refusal.last, now)
      texts.append(
        "\(refusal.cause.words) \(refusal.peer): \(refusal.reason) (\(refusal.count) so far)."
      )
    }
    return texts
  }
}

extension LinkRefusal.Cause {
  /// What happened, before the peer's name.
  fileprivate var words: String {
    switch self {
    case .certificate: "no trust between here and"
    case .version: "another version of the replication protocol at"
    case .unknownStream: "no journal is kept for a stream from"
    case .protocolViolation: "a link was ended by a wrong message from or to"
    case .stalled: "a link was ended that did not move, to or from"
    case .fenced: "a second sender took a stream over from or at"
    }
  }
}
