// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension JournalStatus {
  /// How far journal and replicas are on the way to other places.
  package struct Move: Codable, Sendable, Equatable {
    package var copiedByteCount: UInt64
    /// 0 while something has to pass before the copy begins, as a first sync.
    package var totalByteCount: UInt64
    /// Why it failed last, in words, though it is tried again; empty if it did not fail.
    package var failure: String

    package init(copiedByteCount: UInt64 = 0, totalByteCount: UInt64 = 0, failure: String = "") {
      self.copiedByteCount = copiedByteCount
      self.totalByteCount = totalByteCount
      self.failure = failure
    }
  }
}
