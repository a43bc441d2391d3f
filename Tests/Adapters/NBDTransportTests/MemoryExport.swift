// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import NBDProtocol
import NBDTransport
import Synchronization

/// An export in memory that counts what is asked of it.
///
/// `@unchecked`: the content is a fixed piece of memory that connections read and write as the
/// tests have them do, like a disk; everything else is under a lock.
final class MemoryExport: NBDExport, @unchecked Sendable {
  struct Counts: Equatable {
    var reads = 0
    var commits = 0
    var abandons = 0
    var zeroes = 0
    var trims = 0
    var flushes = 0
    var opened = 0
    var closed = 0
  }

  let byteCount: UInt64
  let isReadOnly: Bool
  let canMultiConnect: Bool
  let maximumPayload: Int
  /// What it tells of its blocks, if anything: extents that cover it.
  let extents: [NBDExtent]
  /// What every commit fails with.
  let commitError: NBDErrorCode?
  /// Signalled whenever room is given for a payload.
  let prepared = DispatchSemaphore(value: 0)
  private let content: UnsafeMutableRawBufferPointer
  private let state = Mutex(Counts())

  init(
    _ bytes: [UInt8],
    isReadOnly: Bool = false,
    canMultiConnect: Bool = true,
    extents: [NBDExtent] = [],
    maximumPayload: Int = 4 << 20,
    commitError: NBDErrorCode? = nil
  ) {
    byteCount = UInt64(bytes.count)
    self.isReadOnly = isReadOnly
    self.canMultiConnect = canMultiConnect
    self.extents = extents
    self.maximumPayload = maximumPayload
    self.commitError = commitError
    content = .allocate(byteCount: bytes.count, alignment: 4096)
    content.copyBytes(from: bytes)
  }

  deinit { content.deallocate() }

  var bytes: [UInt8] { Array(content) }
  var counts: Counts { state.withLock { $0 } }

  private func count(_ change: (inout Counts) -> Void) { state.withLock { change(&$0) } }

  private func range(_ offset: UInt64, _ count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: content[Int(offset)..<Int(offset) + count])
  }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(NBDErrorCode) {
    buffer.copyMemory(from: UnsafeRawBufferPointer(range(offset, buffer.count)))
    count { $0.reads += 1 }
  }

  func prepareWrite(at offset: UInt64, count: Int) -> UnsafeMutableRawBufferPointer {
    prepared.signal()
    return range(offset, count)
  }

  func commitWrite(at offset: UInt64, count: Int) throws(NBDErrorCode) {
    self.count { $0.commits += 1 }
    if let commitError { throw commitError }
  }

  func abandonWrite() { count { $0.abandons += 1 } }

  var tellsAllocation: Bool { !extents.isEmpty }

  func allocation(
    at offset: UInt64,
    count: UInt32,
    limit: Int
  ) throws(NBDErrorCode) -> [NBDExtent] {
    var told: [NBDExtent] = []
    var start: UInt64 = 0
    for extent in extents where told.count < limit {
      let part = (start..<start + extent.count).clamped(to: offset..<offset + UInt64(count))
      if !part.isEmpty { told.append(NBDExtent(count: UInt64(part.count), flags: extent.flags)) }
      start += extent.count
    }
    return told
  }

  func writeZeroes(at offset: UInt64, count: UInt32) throws(NBDErrorCode) {
    range(offset, Int(count)).initializeMemory(as: UInt8.self, repeating: 0)
    self.count { $0.zeroes += 1 }
  }

  func trim(at offset: UInt64, count: UInt32) throws(NBDErrorCode) {
    self.count { $0.trims += 1 }
  }

  func flush() throws(NBDErrorCode) { count { $0.flushes += 1 } }
  func connectionOpened() { count { $0.opened += 1 } }
  func connectionClosed() { count { $0.closed += 1 } }
}
