// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc
package import Journal

extension File {
  /// Bytes that are read and written at once by a copy.
  private static let pieceByteCount = 1 << 20

  /// Gives a file a second name on its own file system, which takes no time and no room.
  ///
  /// The name is durable. False if `path` is on another file system, or names cannot be added.
  package static func link(_ old: String, to path: String) throws(StorageError) -> Bool {
    if Glibc.link(old, path) == 0 {
      try FileFolder.sync(FileFolder.parent(of: path))
      return true
    }
    switch errno {
    case EXDEV, EPERM, EACCES, EOPNOTSUPP, EMLINK: return false
    default: throw FileFolder.failure("link", path)
    }
  }

  /// Takes the content of another file, whose length this one has, and nothing else so far.
  ///
  /// Blocks are shared where the file system can do that; else what is no hole is copied, piece by
  /// piece. The caller makes it durable.
  ///
  /// - Parameters:
  ///   - other: A file that nobody changes meanwhile.
  ///   - copied: Called after each piece with its bytes.
  /// - Throws: As storage fails, and what `copied` throws, which ends the copy.
  package func take(
    contentOf other: File,
    copied: (Int) throws -> Void
  ) throws {
    if sharesBlocks(of: other) { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.pieceByteCount,
      alignment: 4096
    )
    defer { buffer.deallocate() }
    var position: UInt64 = 0
    while let range = try other.nextData(from: position) {
      position = range.lowerBound
      while position < range.upperBound {
        let count = Int(min(UInt64(buffer.count), range.upperBound - position))
        let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        try other.read(at: position, into: piece)
        try write(UnsafeRawBufferPointer(piece), at: position)
        position += UInt64(count)
        try copied(count)
      }
    }
    // What was read once is in nobody's way.
    try? other.forgetCache()
  }
}
