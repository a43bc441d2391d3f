// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc
package import Journal

/// A file of the file system, read and written at offsets; closed when the last reference goes.
package final class File: StorageFile {
  package let path: String
  private let descriptor: Int32

  /// Opens a file for reading and writing; `creating` makes an empty one, durably, if there is
  /// none.
  package init(path: String, creating: Bool) throws(StorageError) {
    self.path = path
    let flags = O_RDWR | O_CLOEXEC
    var opened = open(path, flags)
    if opened < 0, errno == ENOENT, creating {
      opened = open(path, flags | O_CREAT, 0o600)
      if opened >= 0 {
        descriptor = opened
        try FileFolder.sync(FileFolder.parent(of: path))
        return
      }
    }
    guard opened >= 0 else { throw FileFolder.failure("open", path) }
    descriptor = opened
  }

  deinit { close(descriptor) }

  package func byteCount() throws(StorageError) -> UInt64 { UInt64(try status().st_size) }

  /// Bytes the file takes on the disk.
  package func allocatedByteCount() throws(StorageError) -> UInt64 {
    UInt64(try status().st_blocks) * 512
  }

  package func read(
    at offset: UInt64,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(StorageError) {
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let count = pread(descriptor, start + done, bytes.count - done, off_t(offset) + done)
      if count > 0 {
        done += count
      } else if count == 0 {
        throw .pastEnd(file: path, offset: offset, byteCount: bytes.count)
      } else if errno != EINTR {
        throw FileFolder.failure("pread", path)
      }
    }
  }

  package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let count = pwrite(descriptor, start + done, bytes.count - done, off_t(offset) + done)
      if count >= 0 {
        done += count
      } else if errno != EINTR {
        throw FileFolder.failure("pwrite", path)
      }
    }
  }

  package func resize(to byteCount: UInt64) throws(StorageError) {
    while ftruncate(descriptor, off_t(byteCount)) != 0 {
      guard errno == EINTR else { throw FileFolder.failure("ftruncate", path) }
    }
  }

  package func reserve(_ byteCount: UInt64) throws(StorageError) {
    let current = try self.byteCount()
    guard byteCount > current else { return }
    try resize(to: byteCount)
    let result = understudy_allocate(descriptor, off_t(current), off_t(byteCount - current))
    // A file system that cannot set space aside gives it when it is written.
    guard result == 0 || result == -EOPNOTSUPP else {
      try resize(to: current)
      throw FileFolder.failure("fallocate", path, code: -result)
    }
  }

  package func punchHole(at offset: UInt64, count: UInt64) throws(StorageError) {
    guard count > 0 else { return }
    let result = understudy_punch_hole(descriptor, off_t(offset), off_t(count))
    if result == -EOPNOTSUPP {
      try writeZeroes(at: offset, count: count)
    } else if result != 0 {
      throw FileFolder.failure("fallocate", path, code: -result)
    }
  }

  package func sync() throws(StorageError) {
    while fdatasync(descriptor) != 0 {
      guard errno == EINTR else { throw FileFolder.failure("fdatasync", path) }
    }
  }

  private func writeZeroes(at offset: UInt64, count: UInt64) throws(StorageError) {
    let zeroes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { zeroes.deallocate() }
    zeroes.initializeMemory(as: UInt8.self, repeating: 0)
    // Past the end there are no bytes to make zero.
    let end = min(offset + count, try byteCount())
    var position = offset
    while position < end {
      let step = min(end - position, UInt64(zeroes.count))
      try write(UnsafeRawBufferPointer(rebasing: zeroes[..<Int(step)]), at: position)
      position += step
    }
  }

  private func status() throws(StorageError) -> stat {
    var found = stat()
    guard fstat(descriptor, &found) == 0 else { throw FileFolder.failure("fstat", path) }
    return found
  }
}
