// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why a folder or a file did not do what was asked.
package enum StorageError: Error, Hashable, Sendable {
  /// The folder has no file of that name.
  case missing(String)
  /// There is no room left for what was to be written.
  case full(file: String)
  /// The file ends before the bytes that were to be read.
  case pastEnd(file: String, offset: UInt64, byteCount: Int)
  /// Everything else; `code` is the operating system's `errno`.
  case failed(operation: String, file: String, code: Int32)
}
