// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
internal import Synchronization

/// Hands each event to every listener.
///
/// A listener that does not keep up loses the oldest ones, which is allowed: events are hints.
final class EventHub: Sendable {
  private let listeners = Mutex<[UUID: AsyncStream<HypervisorEvent>.Continuation]>([:])

  func listen() -> AsyncStream<HypervisorEvent> {
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

  func send(_ event: HypervisorEvent) {
    for listener in listeners.withLock({ Array($0.values) }) { listener.yield(event) }
  }

  /// Ends every listener's stream.
  func finish() {
    for listener in listeners.withLock({ Array($0.values) }) { listener.finish() }
  }
}
