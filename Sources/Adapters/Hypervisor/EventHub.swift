// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Synchronization

/// Hands each event to every listener.
///
/// A listener that does not keep up loses the oldest ones, which is allowed: events are hints.
package final class EventHub: Sendable {
  private let listeners = Mutex<[UUID: AsyncStream<HypervisorEvent>.Continuation]>([:])

  package init() {}

  package func listen() -> AsyncStream<HypervisorEvent> {
    let key = UUID()
    let (stream, continuation) = AsyncStream.makeStream(
      of: HypervisorEvent.self,
      bufferingPolicy: .bufferingNewest(256)
    )
    continuation.onTermination = { [weak self] _ in
      self?.listeners.withLock { $0[key] = nil }
    }
    listeners.withLock { $0[key] = continuation }
    return stream
  }

  package func send(_ event: HypervisorEvent) {
    for listener in listeners.withLock({ Array($0.values) }) { listener.yield(event) }
  }

  /// Ends every listener's stream.
  package func finish() {
    for listener in listeners.withLock({ Array($0.values) }) { listener.finish() }
  }
}
