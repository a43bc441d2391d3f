// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import RecoveryModel
internal import Synchronization

/// Passes events on to those who subscribe, as they are kept.
package final class EventFeed: Sendable {
  private let subscribers = Mutex<[UUID: AsyncStream<EventRecord>.Continuation]>([:])

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
    losses.withLock { $0[key] = onLoss }
    subscribers.withLock { $0[key] = continuation }
    continuation.onTermination = { [weak self] _ in
      self?.subscribers.withLock { $0[key] = nil }
      self?.losses.withLock { $0[key] = nil }
    }
    return stream
  }

  private let losses = Mutex<[UUID: @Sendable () -> Void]>([:])

  func publish(_ event: EventRecord) {
    for (key, continuation) in subscribers.withLock(\.self) {
      guard case .dropped = continuation.yield(event) else { continue }
      losses.withLock { $0[key] }?()
    }
  }
}
