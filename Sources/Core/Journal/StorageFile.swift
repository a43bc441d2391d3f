// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// An open file.
///
/// Calls from several threads are allowed as long as no two touch the same bytes.
package protocol StorageFile: AnyObject, Sendable {
  /// The length of the file.
  func byteCount() throws(StorageError) -> UInt64

  /// Fills `bytes` from `offset` on; ``StorageError/pastEnd(file:offset:byteCount:)`` if the
  /// file ends before.
  func read(at offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) throws(StorageError)

  /// Writes all of `bytes` at `offset`, lengthening the file as needed.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError)

  /// Cuts or lengthens the file. What is new reads as zeroes and takes no space.
  func resize(to byteCount: UInt64) throws(StorageError)

  /// Lengthens the file to `byteCount` zeroes and sets the space aside where the storage can.
  func reserve(_ byteCount: UInt64) throws(StorageError)

  /// Makes a range read as zeroes and gives its space back where the storage can.
  func punchHole(at offset: UInt64, count: UInt64) throws(StorageError)

  /// Makes content and length durable.
  func sync() throws(StorageError)

  /// Makes later reads come from the storage itself: after a write or sync failed, memory may
  /// hold what the storage does not. It also gives back the memory of what was read.
  func forgetCache() throws(StorageError)

  /// The first range at or after `offset` that may hold anything but zeroes; nil if there is none
  /// before the file's end.
  func nextData(from offset: UInt64) throws(StorageError) -> Range<UInt64>?

  /// Says that a range will be read soon.
  func willRead(at offset: UInt64, count: UInt64)
}

extension StorageFile {
  package func forgetCache() throws(StorageError) {}
  package func nextData(from offset: UInt64) throws(StorageError) -> Range<UInt64>? {
    let end = try byteCount()
    return offset < end ? offset..<end : nil
  }
  package func willRead(at offset: UInt64, count: UInt64) {}
}
