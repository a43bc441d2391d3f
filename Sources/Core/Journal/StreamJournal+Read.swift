// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Synchronization

// Why a read is right while a fold changes the replica under it:
//
// A read of point H first enters H into `readers` (or someone holds it), under the same lock
// under which it looks up the index. A fold to T claims T under that lock too, and only if no
// reader or hold needs a point before T; from then on no read before T begins. So T <= H for
// every fold that overlaps the read.
//
// Take a byte the read finds no extent for, up to H, and therefore takes from the replica. A fold
// to T <= H writes the byte only if the index has an extent for it up to T. There was none up to
// H when the read looked, and new records are after H, because H was durable by then. So no fold
// writes the byte while the read runs. What the replica has for it is right: extents leave the
// index only after their content is in the replica.
//
// A byte the read finds an extent for comes from the segment, which is never overwritten and
// stays readable while the read has it open.

extension StreamJournal {
  /// Reads a range as it was just after a record.
  ///
  /// May be called from any number of threads, and allocates nothing once it has run a few times.
  ///
  /// Fails with ``JournalError/pointGone(_:)`` if the point is folded already: hold it before; and
  /// with ``JournalError/corrupt(file:offset:)`` if bytes in a segment are not what was written.
  package func read(
    volume: Int,
    at offset: UInt64,
    into bytes: UnsafeMutableRawBufferPointer,
    asOf point: SequenceNumber
  ) throws(JournalError) {
    let read = try begin(volume: volume, at: offset, count: bytes.count, asOf: point)
    defer { end(read) }
    unsafe try run(read, volume: volume, at: offset, into: bytes)
  }

  /// Finds where a range's bytes are; they stay readable there until ``end(_:)``.
  func begin(
    volume: Int,
    at offset: UInt64,
    count: Int,
    asOf point: SequenceNumber
  ) throws(JournalError) -> BegunRead {
    let begun = contents.withLock { contents -> Result<BegunRead, JournalError> in
      do throws(JournalError) { try contents.check(point) } catch { return .failure(error) }
      return .success(
        BegunRead(
          reader: contents.enter(point),
          view: contents.view,
          replica: contents.replicas[volume],
          folded: contents.folded,
          resolution: contents.lookUp(volume: volume, offset: offset, count: count, asOf: point)
        )
      )
    }
    var read = try begun.get()
    read.view.finish(&read.resolution, volume: volume, asOf: point, after: read.folded)
    return read
  }

  /// Lets go of what ``begin(volume:at:count:asOf:)`` found.
  func end(_ read: BegunRead) {
    contents.withLock { contents in
      contents.leave(read.reader)
      contents.giveBack(read.resolution)
    }
  }

  /// What a read takes with it from under the lock.
  struct BegunRead {
    var reader: Reader
    var view: IndexView
    var replica: any StorageFile
    var folded: SequenceNumber
    var resolution: Resolution
  }

  /// Reads a range as it is now, with everything that is durable.
  ///
  /// While the first sync runs the bytes may change under the read.
  package func readLatest(
    volume: Int,
    at offset: UInt64,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(JournalError) {
    let (phase, durable) = contents.withLock { ($0.phase, $0.durable) }
    if phase == .filling {
      try stored { () throws(StorageError) in
        unsafe try replicas[volume].read(at: offset, into: bytes)
      }
    } else {
      unsafe try read(volume: volume, at: offset, into: bytes, asOf: durable)
    }
  }

  private func run(
    _ read: BegunRead,
    volume: Int,
    at offset: UInt64,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(JournalError) {
    for piece in read.resolution.pieces {
      let start = Int(piece.offset - offset)
      let part = unsafe UnsafeMutableRawBufferPointer(
        rebasing: bytes[start..<(start + piece.count)]
      )
      switch piece.place {
      case .segment(let extent, let from):
        let isGood = try stored { () throws(StorageError) in
          unsafe try read.view.read(extent, from: from, into: part)
        }
        guard isGood else { throw damaged(extent, volume: volume, at: piece.offset) }
      case .zeroes:
        unsafe part.initializeMemory(as: UInt8.self, repeating: 0)
      case .replica:
        try stored { () throws(StorageError) in
          unsafe try read.replica.read(at: piece.offset, into: part)
        }
      }
    }
  }
}
