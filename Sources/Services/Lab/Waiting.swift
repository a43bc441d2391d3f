// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Waiting for things outside that announce nothing: processes, sockets, booting guests.
package enum Waiting {
  /// Looks every `interval` until `condition` holds.
  ///
  /// - Returns: Whether it held before `seconds` were over.
  package static func until(
    seconds: Double,
    every interval: Duration = .milliseconds(100),
    _ condition: () async throws -> Bool
  ) async throws -> Bool {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(seconds)
    while true {
      if try await condition() { return true }
      if clock.now >= deadline { return false }
      try await Task.sleep(for: interval)
    }
  }
}
