// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Logging
package import RecoveryModel

/// Counts the links that an appliance's listener and senders refused or cut, and logs why.
///
/// Safe to use from any thread.
///
/// `@unchecked Sendable`: the monitor guards what is counted.
package final class RefusalLog: @unchecked Sendable {
  /// The most pairs of cause and peer that are told apart; the oldest gives way.
  private static let limit = 64

  private struct Key: Hashable {
    let cause: LinkRefusal.Cause
    let peer: String
  }

  private let logger: Logger
  private let monitor = Monitor()
  private var refusals: [Key: LinkRefusal] = [:]

  package init(logger: Logger) { self.logger = logger }

  /// What was counted, the latest last.
  package var all: [LinkRefusal] {
    monitor.withLock { refusals.values.sorted { $0.last < $1.last } }
  }

  func note(_ cause: LinkRefusal.Cause, peer: String, _ reason: String) {
    logger.warning(
      "a stream's link was refused",
      metadata: ["cause": "\(cause)", "peer": "\(peer)", "reason": "\(reason)"]
    )
    monitor.withLock {
      let key = Key(cause: cause, peer: peer)
      if refusals[key] == nil, refusals.count >= Self.limit,
        let oldest = refusals.min(by: { $0.value.last < $1.value.last })
      {
        refusals[oldest.key] = nil
      }
      refusals[key] = LinkRefusal(
        cause: cause,
        peer: peer,
        reason: reason,
        count: (refusals[key]?.count ?? 0) + 1,
        last: .ofThisMachine()
      )
    }
  }
}
