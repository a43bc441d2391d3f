// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A folder of files.
///
/// Nothing in it outlives a power cut unless it was synced.
package protocol StorageFolder: Sendable {
  /// The names of all files, in any order.
  func list() throws(StorageError) -> [String]

  /// Opens a file for reading and writing; `creating` makes an empty one if there is none.
  func open(_ name: String, creating: Bool) throws(StorageError) -> any StorageFile

  /// Removes a name. Who has the file open can go on reading it.
  func remove(_ name: String) throws(StorageError)

  /// Gives a file another name, replacing the file that had it, in one step.
  func rename(_ old: String, to new: String) throws(StorageError)

  /// Gives two files each other's name, in one step. If there is no file `other`, or where the
  /// storage cannot do that, it is ``rename(_:to:)``.
  func exchange(_ name: String, with other: String) throws(StorageError)

  /// Makes names durable: files made, removed and renamed before the call.
  func sync() throws(StorageError)

  /// Bytes that can still be written; nil if nobody knows.
  func freeByteCount() throws(StorageError) -> UInt64?

  /// Whether what a file gives back is there for the files of this folder, and the reverse.
  func sharesRoom(with file: any StorageFile) throws(StorageError) -> Bool

  /// Memory of at least `byteCount` bytes that files here are written from best; it begins at a
  /// multiple of 4096 and is given back with ``deallocate(_:)``.
  func allocate(_ byteCount: Int) -> UnsafeMutableRawBufferPointer

  /// Takes back what ``allocate(_:)`` gave.
  func deallocate(_ memory: UnsafeMutableRawBufferPointer)
}

extension StorageFolder {
  package func freeByteCount() throws(StorageError) -> UInt64? { nil }

  package func sharesRoom(with file: any StorageFile) throws(StorageError) -> Bool { true }

  package func allocate(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    .allocate(
      byteCount: byteCount.roundedUp(to: AlignedBuffer.alignment),
      alignment: AlignedBuffer.alignment
    )
  }

  package func deallocate(_ memory: UnsafeMutableRawBufferPointer) { unsafe memory.deallocate() }
}
