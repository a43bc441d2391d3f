// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc
package import Journal
internal import Synchronization

/// A file of the file system, read and written at offsets; closed when the last reference goes.
///
/// Reads go through the system's page cache. So do writes, unless the file is opened for direct
/// writes: then those that begin and end at multiples of 4096, in memory and in the file, go past
/// it (`O_DIRECT`), if the file system can do that.
package final class File: StorageFile {
  package let path: String
  /// Whether zeroes keep their space, and ``reserveAll()`` takes it.
  private let isThick: Bool
  private let descriptor: Int32
  /// A descriptor for direct writes, once one was needed; else ``unopened`` or ``impossible``.
  private let direct: Atomic<Int32>

  private static let unopened: Int32 = -1
  private static let impossible: Int32 = -2
  private static let alignment = 4096
  /// The kernel's default for one device.
  private static let readAheadByteCount = 128 << 10

  /// Opens a file for reading and writing; `creating` makes an empty one, durably, if there is
  /// none.
  ///
  /// The space of a thick file is never given back.
  package init(
    path: String,
    creating: Bool,
    isDirect: Bool = false,
    isThick: Bool = false
  ) throws(StorageError) {
    self.path = path
    self.isThick = isThick
    direct = Atomic(isDirect ? Self.unopened : Self.impossible)
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

  deinit {
    close(descriptor)
    let direct = direct.load(ordering: .acquiring)
    if direct >= 0 { close(direct) }
  }

  package func byteCount() throws(StorageError) -> UInt64 { UInt64(try status().st_size) }

  /// Bytes the file takes on the disk.
  package func allocatedByteCount() throws(StorageError) -> UInt64 {
    UInt64(try status().st_blocks) * 512
  }

  /// The file system it is on.
  func device() throws(StorageError) -> dev_t { try status().st_dev }

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
    var target = directDescriptor(for: bytes, at: offset) ?? descriptor
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let count = pwrite(target, start + done, bytes.count - done, off_t(offset) + done)
      if count >= 0 {
        done += count
        // What is left of a direct write may not be aligned.
        if done < bytes.count { target = descriptor }
      } else if errno == EINVAL, target != descriptor {
        target = descriptor
      } else if errno != EINTR {
        throw FileFolder.failure("pwrite", path)
      }
    }
  }

  /// Where a write goes that can go past the page cache.
  private func directDescriptor(for bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Int32? {
    let known = direct.load(ordering: .acquiring)
    guard known != Self.impossible, bytes.count > 0, bytes.count % Self.alignment == 0,
      offset % UInt64(Self.alignment) == 0,
      Int(bitPattern: bytes.baseAddress) % Self.alignment == 0
    else { return nil }
    guard known == Self.unopened else { return known }
    let opened = understudy_reopen_direct(descriptor)
    let (isFirst, other) = direct.compareExchange(
      expected: Self.unopened,
      desired: opened >= 0 ? opened : Self.impossible,
      ordering: .acquiringAndReleasing
    )
    if isFirst { return opened >= 0 ? opened : nil }
    if opened >= 0 { close(opened) }
    return other >= 0 ? other : nil
  }

  package func forgetCache() throws(StorageError) {
    let result = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    guard result == 0 else { throw FileFolder.failure("posix_fadvise", path, code: result) }
  }

  package func nextData(from offset: UInt64) throws(StorageError) -> Range<UInt64>? {
    var (start, end): (off_t, off_t) = (0, 0)
    // That the position moves matters to nobody: all reads and writes are at offsets.
    let result = understudy_next_data(descriptor, off_t(offset), &start, &end)
    guard result >= 0 else { throw FileFolder.failure("lseek", path, code: -result) }
    return result == 0 ? nil : UInt64(start)..<UInt64(end)
  }

  /// Has the blocks of another file from now on, where the file system can do that.
  func sharesBlocks(of other: File) -> Bool {
    understudy_share_blocks(other.descriptor, descriptor) == 0
  }

  package func willRead(at offset: UInt64, count: UInt64) {
    // The kernel cuts advice to what it reads ahead at once. A failure means no more than that the
    // reads take longer.
    for start in stride(from: offset, to: offset + count, by: Self.readAheadByteCount) {
      _ = posix_fadvise(descriptor, off_t(start), Self.readAheadByteCount, POSIX_FADV_WILLNEED)
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

  /// Sets the space of a thick file's holes aside, so that no write to it finds the disk full.
  ///
  /// What it holds stays. Does nothing to other files, nor where the file system cannot do it.
  package func reserveAll() throws(StorageError) {
    let count = try byteCount()
    guard isThick, count > 0 else { return }
    let result = understudy_allocate(descriptor, 0, off_t(count))
    guard result == 0 || result == -EOPNOTSUPP else {
      throw FileFolder.failure("fallocate", path, code: -result)
    }
  }

  package func punchHole(at offset: UInt64, count: UInt64) throws(StorageError) {
    guard count > 0 else { return }
    let result =
      isThick
      ? understudy_zero_range(descriptor, off_t(offset), off_t(count))
      : understudy_punch_hole(descriptor, off_t(offset), off_t(count))
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
