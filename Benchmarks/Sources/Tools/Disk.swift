// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Raw files that stand for disks.
enum Disk {
  /// Makes a file; written, it holds incompressible data and is durable, else it is a hole.
  static func make(_ path: String, byteCount: Int, isWritten: Bool) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { throw failure("make", path) }
    defer { close(descriptor) }
    guard isWritten else {
      guard ftruncate(descriptor, off_t(byteCount)) == 0 else { throw failure("lengthen", path) }
      return
    }
    let sample = try Sample(.incompressible)
    for (index, start) in stride(from: 0, to: byteCount, by: 1 << 20).enumerated() {
      let block = sample.block(index, min(1 << 20, byteCount - start))
      guard pwrite(descriptor, block.baseAddress, block.count, off_t(start)) == block.count else {
        throw failure("write", path)
      }
    }
    guard fdatasync(descriptor) == 0 else { throw failure("sync", path) }
  }

  private static func failure(_ operation: String, _ path: String) -> BenchError {
    BenchError("cannot \(operation) \(path): \(String(cString: strerror(errno)))")
  }
}
