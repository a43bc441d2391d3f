// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Simulation

/// What a recorded disk holds after a power cut at some moment.
struct ReplayedDisk {
  private(set) var content: Data

  init(byteCount: Int) { content = Data(count: byteCount) }

  mutating func apply(_ operation: RecordedOperation) {
    switch operation.content {
    case .write(let bytes):
      content.replaceSubrange(operation.offset..<(operation.offset + bytes.count), with: bytes)
    case .discard(let byteCount):
      content.resetBytes(in: operation.offset..<(operation.offset + byteCount))
    case .flush:
      break
    }
  }

  /// Applies what chance decides of operations that no flush has made durable: all, nothing, or
  /// some sectors of each.
  ///
  /// The first block is never torn: ext4's superblock is two sectors with one checksum, and a file
  /// system that has one of them is not mounted without a repair, whatever is in it.
  mutating func applySome(
    of operations: ArraySlice<RecordedOperation>,
    _ generator: inout SeededGenerator
  ) {
    let sector = 512
    for operation in operations {
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: continue
      case 1: apply(operation)
      default:
        guard case .write(let bytes) = operation.content, operation.offset >= 4096 else { continue }
        for start in stride(from: 0, to: bytes.count, by: sector) where generator.once(in: 2) {
          let piece = bytes.dropFirst(start).prefix(sector)
          let place = operation.offset + start
          content.replaceSubrange(place..<(place + piece.count), with: piece)
        }
      }
    }
  }

  /// Mounts the disk as the machine would after the power is back, and unmounts it again.
  ///
  /// Each time from a file of its own: what was mounted before is still in the kernel's memory if
  /// another process has a mount namespace from that moment, and the same file would be taken for
  /// it.
  func mounted<Result>(in folder: URL, _ body: (URL) throws -> Result) throws -> Result {
    let image = folder.appending(path: "replayed-\(UUID()).raw")
    defer { try? FileManager.default.removeItem(at: image) }
    let mountPoint = folder.appending(path: "replayed")
    try content.write(to: image)
    try FileManager.default.createDirectory(at: mountPoint, withIntermediateDirectories: true)
    try Program.run("mount", "-o", "loop", image.path(), mountPoint.path())
    defer { _ = try? Program.run("umount", mountPoint.path()) }
    return try body(mountPoint)
  }
}
