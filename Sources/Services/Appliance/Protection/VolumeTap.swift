// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationTransport
internal import Synchronization

/// The tap of one disk: the streams that take its writes, and the connection that brings them.
///
/// Streams join and leave while the connection stays. A connection keeps a list of the streams of
/// its own and looks, before each write, whether it is out of date: that is one load of a number,
/// and no lock. A stream that joins counts as connected at once. A write that is on its way by an
/// older list is on the disk already, so whatever the stream reads from now on has it.
///
/// `@unchecked Sendable`: the monitor guards everything that changes but the count.
final class VolumeTap: @unchecked Sendable {
  private let monitor = Monitor()
  private let changeCount = Atomic<UInt64>(0)
  private var outlets: [TapOutlet] = []
  /// The newest connection, by a number that grows; older ones are told to go.
  private var newest: UInt64 = 0
  /// The size that was offered to the newest connection; nil if it is gone.
  private var offered: UInt64?

  /// The size that a connection is offered: the largest that a stream has of the disk.
  var byteCount: UInt64 { monitor.withLock { largest } }
  /// Grows whenever connections have to look which streams there are.
  var changes: UInt64 { changeCount.load(ordering: .acquiring) }

  private var largest: UInt64 { outlets.map(\.byteCount).max() ?? 0 }

  // MARK: Streams

  /// Has a stream take the disk's writes, as its volume in this place.
  ///
  /// - Returns: Whether the disk has grown since the connection was made: it has to be cut.
  func join(_ buffer: StreamBuffer, volume: Int, byteCount: UInt64) -> Bool {
    monitor.withLock {
      var outlet = TapOutlet(buffer: buffer, volume: volume, byteCount: byteCount)
      if offered != nil { outlet.owner = buffer.tapOpened(volume: volume) }
      outlets.append(outlet)
      changeCount.add(1, ordering: .releasing)
      return offered.map { $0 < largest } ?? false
    }
  }

  /// Takes nothing of the disk for a stream any more.
  ///
  /// - Returns: Whether no stream is left.
  func leave(_ buffer: StreamBuffer) -> Bool {
    monitor.withLock {
      outlets.removeAll { $0.buffer === buffer }
      changeCount.add(1, ordering: .releasing)
      return outlets.isEmpty
    }
  }

  // MARK: Connections

  /// A connection is there, which takes over from any older one; it was offered so many bytes.
  ///
  /// - Returns: Its number.
  func opened(byteCount: UInt64) -> UInt64 {
    monitor.withLock {
      newest += 1
      offered = byteCount
      for index in outlets.indices {
        outlets[index].owner = outlets[index].buffer.tapOpened(volume: outlets[index].volume)
      }
      changeCount.add(1, ordering: .releasing)
      return newest
    }
  }

  /// A connection is gone: from here on writes may be missed.
  func closed(_ number: UInt64) {
    monitor.withLock {
      guard number == newest else { return }
      offered = nil
      for outlet in outlets {
        outlet.buffer.tapClosed(volume: outlet.volume, owner: outlet.owner)
      }
      changeCount.add(1, ordering: .releasing)
    }
  }

  /// The streams that take a connection's writes, and up to which change that is so; none if it is
  /// not the newest.
  func outlets(of number: UInt64) -> (outlets: [TapOutlet], changes: UInt64) {
    monitor.withLock {
      let isNewest = number == newest && offered != nil
      return (isNewest ? outlets : [], changeCount.load(ordering: .relaxed))
    }
  }
}

/// One stream at a disk's tap, as one connection knows it.
struct TapOutlet {
  let buffer: StreamBuffer
  /// Which of the stream's volumes the disk is.
  let volume: Int
  /// As much of the disk as the stream knows of.
  let byteCount: UInt64
  /// By which the buffer knows the connection.
  var owner: UInt64 = 0

  init(buffer: StreamBuffer, volume: Int, byteCount: UInt64) {
    self.buffer = buffer
    self.volume = volume
    self.byteCount = byteCount
  }

  /// Room for a write's payload; nil if the stream does not keep it.
  func reserve(at offset: UInt64, count: Int) -> UnsafeMutableRawBufferPointer? {
    guard offset + UInt64(count) <= byteCount else { return nil }
    return buffer.reserve(volume: volume, count: count, owner: owner)
  }

  func abandon() { buffer.abandon(volume: volume, owner: owner) }

  /// A write is complete, whose payload is in the reservation; no checksum says that there is none.
  func commitWrite(at offset: UInt64, count: Int, checksum: UInt32?) -> StreamBuffer.Commit {
    guard offset + UInt64(count) <= byteCount else { return miss() }
    return buffer.commitWrite(
      volume: volume,
      offset: offset,
      count: count,
      checksum: checksum,
      owner: owner
    )
  }

  /// A write is complete, whose payload is in another stream's reservation.
  func commitCopy(
    of payload: UnsafeMutableRawBufferPointer,
    at offset: UInt64,
    checksum: UInt32
  ) -> StreamBuffer.Commit {
    let room = reserve(at: offset, count: payload.count)
    room?.copyMemory(from: UnsafeRawBufferPointer(payload))
    return commitWrite(
      at: offset,
      count: payload.count,
      checksum: room == nil ? nil : checksum
    )
  }

  /// Like ``commitWrite(at:count:checksum:)``, of zeroes.
  func commitZeroes(at offset: UInt64, count: UInt32) -> StreamBuffer.Commit {
    guard offset + UInt64(count) <= byteCount else { return miss() }
    return buffer.commitZeroes(
      volume: volume,
      offset: offset,
      count: count,
      owner: owner
    )
  }

  /// Another stream knows of the disk's new size already; this one is about to be told.
  private func miss() -> StreamBuffer.Commit {
    buffer.giveUpOrder("the disk is larger than what is protected of it")
    return StreamBuffer.Commit(isNewest: true, held: nil)
  }
}
