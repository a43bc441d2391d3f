// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import RecoveryModel
internal import Synchronization

/// Passes events on to those who subscribe, as they are kept.
package final class EventFeed: Sendable {
  private struct Subscriber {
    let continuation: AsyncStream<EventRecord>.Continuation
    let onLoss: @Sendable () -> Void
  }

  private let subscribers = Mutex<[UUID: Subscriber]>([:])

  package init() {}

  /// The events from now on.
  ///
  /// A subscriber that lags behind by more than `limit` loses the newest; `onLoss` is called for
  /// each.
  package func events(
    limit: Int,
    onLoss: @escaping @Sendable () -> Void
  ) -> AsyncStream<EventRecord> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: EventRecord.self,
      bufferingPolicy: .bufferingOldest(limit)
    )
    let key = UUID()
    subscribers.withLock { $0[key] = Subscriber(continuation: continuation, onLoss: onLoss) }
    continuation.onTermination = { [weak self] _ in
      self?.subscribers.withLock { $0[key] = nil }
    }
    return stream
  }

  func publish(_ event: EventRecord) {
    for subscriber in subscribers.withLock({ Array($0.values) }) {
      if case .dropped = subscriber.continuation.yield(event) { subscriber.onLoss() }
    }
  }
}
