// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import NBDProtocol
internal import NBDTransport
internal import ReplicationProtocol

/// One connection of the hypervisor to one volume's tap: what is written here is on its way to the
/// other site.
///
/// There is nothing to read.
///
/// `@unchecked Sendable`: everything that changes is used by the connection's own thread alone.
package final class TapExport: NBDExport, @unchecked Sendable {
  package let byteCount: UInt64
  package let isReadOnly = false
  package let canMultiConnect = false
  package let maximumPayload = 1 << 20

  private let buffer: StreamBuffer
  private let volume: Int
  private var owner: UInt64 = 0
  private var room: UnsafeMutableRawBufferPointer?
  /// Takes payloads that are not kept; made when the first one comes.
  private var scratch: UnsafeMutableRawBufferPointer?

  package init(buffer: StreamBuffer, volume: Int, byteCount: UInt64) {
    self.buffer = buffer
    self.volume = volume
    self.byteCount = byteCount
  }

  deinit { scratch?.deallocate() }

  package func connectionOpened() { owner = buffer.tapOpened(volume: volume) }

  package func connectionClosed() { buffer.tapClosed(volume: volume, owner: owner) }

  package func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
    throws(NBDErrorCode)
  {
    throw .notPermitted
  }

  package func prepareWrite(at offset: UInt64, count: Int) -> UnsafeMutableRawBufferPointer {
    room = buffer.reserve(volume: volume, count: count, owner: owner)
    return room ?? UnsafeMutableRawBufferPointer(rebasing: ownScratch()[..<count])
  }

  package func commitWrite(at offset: UInt64, count: Int) throws(NBDErrorCode) {
    if let room, UnsafeRawBufferPointer(room).isAllZero {
      // Guests and mirrors write zeroes as data; as zeroes they need no room on their way.
      abandonWrite()
      return try writeZeroes(at: offset, count: UInt32(count))
    }
    // Outside the lock: it is the only thing here that takes time.
    let checksum = room.map { payloadChecksum(UnsafeRawBufferPointer($0)) }
    room = nil
    let isNewest = buffer.commitWrite(
      volume: volume,
      offset: offset,
      count: count,
      checksum: checksum,
      owner: owner
    )
    if !isNewest { throw .shutdown }
  }

  package func abandonWrite() {
    guard room != nil else { return }
    room = nil
    buffer.abandon(volume: volume, owner: owner)
  }

  package func writeZeroes(at offset: UInt64, count: UInt32) throws(NBDErrorCode) {
    let isNewest = buffer.commitZeroes(
      volume: volume,
      offset: offset,
      count: count,
      owner: owner
    )
    if !isNewest { throw .shutdown }
  }

  /// What a guest trims it may not expect to read again; zeroes are as good as anything.
  package func trim(at offset: UInt64, count: UInt32) throws(NBDErrorCode) {
    try writeZeroes(at: offset, count: count)
  }

  /// Durability is the journal's business; the source disk has its own.
  package func flush() throws(NBDErrorCode) {}

  private func ownScratch() -> UnsafeMutableRawBufferPointer {
    if let scratch { return scratch }
    let made = UnsafeMutableRawBufferPointer.allocate(byteCount: maximumPayload, alignment: 4096)
    scratch = made
    return made
  }
}
