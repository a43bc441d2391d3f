// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import FileStorage
import Foundation
import Journal
import RecoveryModel
import ReplicationProtocol
import ReplicationTransport
import Synchronization
import Testing

@testable import Appliance

@Suite struct `Hashes of a journal's blocks` {
  private static let block = 65_536
  private static let blockCount = 32
  /// The last block is cut.
  private static let byteCount = (blockCount - 1) * block + 4096

  @Test func `are those of what is there, and holes are not read`() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "understudy-hashes-\(UUID().uuidString)").path(percentEncoded: false)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let replica = CountingFile(try File(path: folder + "/replica.raw", creating: true))
    var content = [UInt8](repeating: 0, count: Self.byteCount)
    // Whole blocks, a piece of one over a border, and what is zero without being a hole.
    for range in [0..<2 * Self.block, 5 * Self.block - 4096..<5 * Self.block + 4096] {
      for index in range { content[index] = UInt8(truncatingIfNeeded: index / 256 + 1) }
      try content[range].withUnsafeBytes { try replica.write($0, at: UInt64(range.lowerBound)) }
    }
    try [UInt8](repeating: 0, count: Self.block).withUnsafeBytes {
      try replica.write($0, at: UInt64(9 * Self.block))
    }
    let journal = try StreamJournal(
      stream: StreamIdentifier("s"),
      folder: try FileFolder(path: folder + "/journal"),
      replicas: [replica],
      volumeSizes: [UInt64(Self.byteCount)],
      settings: .init(
        historySeconds: 3600,
        hardLimitByteCount: 1 << 30,
        segmentByteCount: 2 << 20
      )
    )
    let hasher = BlockHasher(journal: journal, volumes: VolumeSizes([UInt64(Self.byteCount)]))
    let before = replica.readByteCount
    let hashes = try hasher.hashes(
      HashQuestion(
        volume: 0,
        offset: 0,
        blockSize: Self.block,
        count: Self.blockCount,
        reply: { _ in }
      )
    )
    let expected = stride(from: 0, to: Self.byteCount, by: Self.block).map { start in
      SHA256.hash(data: content[start..<min(start + Self.block, Self.byteCount)])
        .withUnsafeBytes { BlockHash(firstHalfOf: $0) }
    }
    #expect(hashes == expected)
    // Blocks 0, 1, 4, 5 and 9 have something, and the last one is cut.
    #expect(replica.readByteCount - before == 5 * Self.block + 4096)
  }
}

/// A file that counts what is read of it.
private final class CountingFile: StorageFile {
  private let base: File
  private let count = Mutex(0)

  init(_ base: File) { self.base = base }

  var readByteCount: Int { count.withLock { $0 } }

  func byteCount() throws(StorageError) -> UInt64 { try base.byteCount() }

  func read(at offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) throws(StorageError) {
    count.withLock { $0 += bytes.count }
    try base.read(at: offset, into: bytes)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
    try base.write(bytes, at: offset)
  }

  func resize(to byteCount: UInt64) throws(StorageError) { try base.resize(to: byteCount) }

  func reserve(_ byteCount: UInt64) throws(StorageError) { try base.reserve(byteCount) }

  func punchHole(at offset: UInt64, count: UInt64) throws(StorageError) {
    try base.punchHole(at: offset, count: count)
  }

  func sync() throws(StorageError) { try base.sync() }

  func forgetCache() throws(StorageError) { try base.forgetCache() }

  func nextData(from offset: UInt64) throws(StorageError) -> Range<UInt64>? {
    try base.nextData(from: offset)
  }
}
