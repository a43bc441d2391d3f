// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Journal
import Synchronization

/// A file that lets something happen in the middle of its next read.
final class HookedFile: StorageFile {
  let onRead = Mutex<(@Sendable () -> Void)?>(nil)
  private let file: any StorageFile

  init(_ file: any StorageFile) { self.file = file }

  func read(
    at offset: UInt64,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(StorageError) {
    let hook = onRead.withLock { hook in
      defer { hook = nil }
      return hook
    }
    hook?()
    try file.read(at: offset, into: bytes)
  }

  func byteCount() throws(StorageError) -> UInt64 { try file.byteCount() }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    try file.write(bytes, at: offset)
  }

  func resize(to byteCount: UInt64) throws(StorageError) { try file.resize(to: byteCount) }
  func reserve(_ byteCount: UInt64) throws(StorageError) { try file.reserve(byteCount) }

  func punchHole(at offset: UInt64, count: UInt64) throws(StorageError) {
    try file.punchHole(at: offset, count: count)
  }

  func sync() throws(StorageError) { try file.sync() }
}
