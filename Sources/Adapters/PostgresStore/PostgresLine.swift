// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CPQ
internal import Dispatch
internal import Store
internal import Synchronization

/// A connection that is opened when it is first needed, and again after it was lost.
///
/// Calls wait for each other on a queue of their own, so that no task's thread is blocked.
final class PostgresLine: Sendable {
  private let location: String
  private let queue = DispatchQueue(label: "postgres")
  private let connection = Mutex<PostgresConnection?>(nil)

  init(to location: String) { self.location = location }

  /// Calls `body` with the connection.
  ///
  /// `body` must do nothing, or nothing that lasts, before its first answer: where an old
  /// connection turns out to be lost at once, it is called again with a new one.
  func perform<Result: Sendable>(
    _ body: @escaping @Sendable (PostgresConnection) throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    let outcome: Swift.Result<Result, StoreError> = await withCheckedContinuation { waiting in
      queue.async { waiting.resume(returning: self.outcome(of: body)) }
    }
    return try outcome.get()
  }

  /// As above, on the caller's thread.
  func performHere<Result: Sendable>(
    _ body: @Sendable (PostgresConnection) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try outcome(of: body).get()
  }

  /// Calls `body` on the caller's thread with the connection that is there; it fails if none is.
  func performOnSame(
    _ body: @Sendable (PostgresConnection) throws(StoreError) -> Void
  ) throws(StoreError) {
    let outcome: Swift.Result<Void, StoreError> = connection.withLock { held in
      guard let held else { return .failure(.unavailable("the connection was lost")) }
      do throws(StoreError) { return .success(try body(held)) } catch { return .failure(error) }
    }
    try outcome.get()
  }

  /// Closes the connection; the next call opens another.
  func close() { connection.withLock { $0 = nil } }

  private func outcome<Result: Sendable>(
    of body: @Sendable (PostgresConnection) throws(StoreError) -> Result
  ) -> Swift.Result<Result, StoreError> {
    connection.withLock { held in
      do throws(StoreError) {
        if let old = held {
          // An idle connection that ended meanwhile is found here, before anything is asked.
          do throws(StoreError) { try old.run("") } catch {
            guard old.isLost else { throw error }
            held = nil
          }
        }
        let current: PostgresConnection
        if let old = held { current = old } else { current = try PostgresConnection(to: location) }
        held = current
        defer { if current.isLost { held = nil } }
        return .success(try body(current))
      } catch { return .failure(error) }
    }
  }
}
