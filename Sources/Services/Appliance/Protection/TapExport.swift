// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import NBDProtocol
internal import NBDTransport
internal import RecoveryModel
internal import ReplicationProtocol

/// One connection of the hypervisor to one disk's tap: what is written here is on its way to the
/// other sites.
///
/// A payload is received straight into the buffer of the first stream that has room for it, and
/// copied from there to those of the others. A stream that has no room loses its own order; the
/// others go on, and the guest does.
///
/// There is nothing to read.
///
/// `@unchecked Sendable`: everything that changes is used by the connection's own thread alone.
package final class TapExport: NBDExport, @unchecked Sendable {
  package let byteCount: UInt64
  package let isReadOnly = false
  package let canMultiConnect = false
  package let maximumPayload = 1 << 20

  private let volume: VolumeTap
  private var number: UInt64 = 0
  /// Up to which change ``outlets`` is what the tap has.
  private var seen: UInt64 = 0
  private var outlets: [TapOutlet] = []
  /// Which of the outlets gave the room.
  private var receiver = 0
  private var room: UnsafeMutableRawBufferPointer?
  /// What keeps the write's acknowledgement back.
  private var holds: [(buffer: StreamBuffer, sequence: SequenceNumber)] = []
  /// Takes payloads that are not kept; made when the first one comes.
  private var scratch: UnsafeMutableRawBufferPointer?

  init(volume: VolumeTap) {
    self.volume = volume
    byteCount = volume.byteCount
  }

  /// A tap that feeds one stream alone.
  package convenience init(buffer: StreamBuffer, volume: Int, byteCount: UInt64) {
    let tap = VolumeTap()
    _ = tap.join(buffer, volume: volume, byteCount: byteCount)
    self.init(volume: tap)
  }

  deinit { scratch?.deallocate() }

  package func connectionOpened() { number = volume.opened(byteCount: byteCount) }

  package func connectionClosed() { volume.closed(number) }

  package func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer)
    throws(NBDErrorCode)
  {
    throw .notPermitted
  }

  package func prepareWrite(at offset: UInt64, count: Int) -> UnsafeMutableRawBufferPointer {
    follow()
    for index in outlets.indices {
      guard let found = outlets[index].reserve(at: offset, count: count) else { continue }
      receiver = index
      room = found
      return found
    }
    return UnsafeMutableRawBufferPointer(rebasing: ownScratch()[..<count])
  }

  package func commitWrite(at offset: UInt64, count: Int) throws(NBDErrorCode) {
    if let room, UnsafeRawBufferPointer(room).isAllZero {
      // Guests and mirrors write zeroes as data; as zeroes they need no room on their way.
      abandonWrite()
      return try commitZeroes(at: offset, count: UInt32(count))
    }
    var isNewest = false
    if let room {
      self.room = nil
      // Outside the lock: it is the only thing here that takes time.
      let checksum = payloadChecksum(UnsafeRawBufferPointer(room))
      for index in outlets.indices where index != receiver {
        let commit = outlets[index].commitCopy(of: room, at: offset, checksum: checksum)
        if note(commit, index) { isNewest = true }
      }
      // Last of all: from here on the room may be anybody's.
      let commit = outlets[receiver].commitWrite(at: offset, count: count, checksum: checksum)
      if note(commit, receiver) { isNewest = true }
    } else {
      for index in outlets.indices {
        let commit = outlets[index].commitWrite(at: offset, count: count, checksum: nil)
        if note(commit, index) { isNewest = true }
      }
    }
    try finish(isNewest)
  }

  package func abandonWrite() {
    guard room != nil else { return }
    room = nil
    outlets[receiver].abandon()
  }

  package func writeZeroes(at offset: UInt64, count: UInt32) throws(NBDErrorCode) {
    follow()
    try commitZeroes(at: offset, count: count)
  }

  /// What a guest trims it may not expect to read again; zeroes are as good as anything.
  package func trim(at offset: UInt64, count: UInt32) throws(NBDErrorCode) {
    try writeZeroes(at: offset, count: count)
  }

  /// Durability is the journals' business; the source disk has its own.
  package func flush() throws(NBDErrorCode) {}

  /// Brings the list of streams up to date, between two writes.
  private func follow() {
    guard seen != volume.changes else { return }
    (outlets, seen) = volume.outlets(of: number)
  }

  private func commitZeroes(at offset: UInt64, count: UInt32) throws(NBDErrorCode) {
    var isNewest = false
    for index in outlets.indices {
      let commit = outlets[index].commitZeroes(at: offset, count: count)
      if note(commit, index) { isNewest = true }
    }
    try finish(isNewest)
  }

  /// Notes what a stream made of a write.
  ///
  /// - Returns: Whether the stream takes this for the disk's newest connection.
  private func note(_ commit: StreamBuffer.Commit, _ index: Int) -> Bool {
    if let sequence = commit.held { holds.append((outlets[index].buffer, sequence)) }
    return commit.isNewest
  }

  /// Waits once the write is in all the streams, so that holds of several do not add up.
  ///
  /// Who is nobody's newest connection has to go.
  private func finish(_ isNewest: Bool) throws(NBDErrorCode) {
    if !holds.isEmpty {
      for hold in holds { hold.buffer.waitWhileHeld(hold.sequence) }
      holds.removeAll()
    }
    if !isNewest { throw .shutdown }
  }

  private func ownScratch() -> UnsafeMutableRawBufferPointer {
    if let scratch { return scratch }
    let made = UnsafeMutableRawBufferPointer.allocate(byteCount: maximumPayload, alignment: 4096)
    scratch = made
    return made
  }
}
