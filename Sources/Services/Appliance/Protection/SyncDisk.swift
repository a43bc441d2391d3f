// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NBDProtocol
internal import NBDTransport

/// A disk of the protected VM as a sync reads it: live, and without reading what is not there.
///
/// Used by the sync's thread alone.
final class SyncDisk {
  private static let allocation = "base:allocation"

  private let client: NBDClient
  private let changes: String?
  private let knownByteCount: UInt64
  private let blockSize: UInt64
  private let knowsHoles: Bool
  private var readByteCount: UInt64 = 0

  /// Connects to the disk's export.
  ///
  /// `changes` is the metadata context that names what was written in the first `knownByteCount`
  /// bytes; nil if there is none.
  init(
    socketPath: String,
    exportName: String,
    changes: String?,
    knownByteCount: UInt64,
    blockSize: Int
  ) throws {
    self.knownByteCount = knownByteCount
    self.changes = changes
    self.blockSize = UInt64(blockSize)
    client = try NBDClient(
      socketPath: socketPath,
      exportName: exportName,
      contexts: [Self.allocation] + (changes.map { [$0] } ?? [])
    )
    knowsHoles = client.grantedContexts.contains(Self.allocation)
  }

  var byteCount: UInt64 { client.byteCount }

  func close() { client.close() }

  /// Bytes read since this was last asked.
  func takeReadByteCount() -> UInt64 {
    defer { readByteCount = 0 }
    return readByteCount
  }

  /// What of the first `byteCount` bytes a sync has to look at, in whole blocks.
  ///
  /// All of it if the server does not say what was written.
  func changed(of byteCount: UInt64) throws -> [Range<UInt64>] {
    guard let changes, client.grantedContexts.contains(changes) else { return [0..<byteCount] }
    var ranges: [Range<UInt64>] = []
    var offset: UInt64 = 0
    let known = min(knownByteCount, byteCount)
    let grown = NBDExtent(count: byteCount - known, flags: NBDExtent.dirty)
    let told = known == 0 ? [] : try client.extents(of: changes, at: 0, count: known)
    for extent in told + [grown] {
      defer { offset += extent.count }
      guard extent.count > 0, extent.flags & NBDExtent.dirty != 0 else { continue }
      let start = offset / blockSize * blockSize
      let end = min((offset + extent.count + blockSize - 1) / blockSize * blockSize, byteCount)
      if let last = ranges.last, start <= last.upperBound {
        ranges[ranges.count - 1] = last.lowerBound..<end
      } else {
        ranges.append(start..<end)
      }
    }
    return ranges
  }

  /// Fills `bytes` with the disk's content; holes are filled with zeroes and not read.
  ///
  /// The holes are asked for on every call: the guest may have written to them since.
  ///
  /// - Returns: For each block of `bytes`, whether it is a hole as a whole.
  func read(at offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) throws -> [Bool] {
    var holes = [Bool](repeating: false, count: (bytes.count - 1) / Int(blockSize) + 1)
    guard knowsHoles else {
      try client.read(at: offset, into: bytes)
      readByteCount += UInt64(bytes.count)
      return holes
    }
    var tickets: [NBDClient.ReadTicket] = []
    var position = 0
    let extents = try client.extents(of: Self.allocation, at: offset, count: UInt64(bytes.count))
    for extent in extents {
      let end = position + Int(extent.count)
      let part = UnsafeMutableRawBufferPointer(rebasing: bytes[position..<end])
      if extent.flags & NBDExtent.zero != 0 {
        if let start = part.baseAddress { memset(start, 0, part.count) }
        let first = (position + Int(blockSize) - 1) / Int(blockSize)
        let isLast = end == bytes.count
        for block in first..<max(first, isLast ? holes.count : end / Int(blockSize)) {
          holes[block] = true
        }
      } else {
        tickets.append(try client.begin(at: offset + UInt64(position), into: part))
        readByteCount += UInt64(part.count)
      }
      position = end
    }
    for ticket in tickets { try client.finish(ticket) }
    return holes
  }
}
