// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

/// Runs what blocks, for disks or threads, where it holds up no other request.
enum Blocking {
  static func run<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
    }
  }
}
