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
  /// One stretch of a read, with the segment open.
  struct Fetch: Sendable {
    var piece: ExtentIndex.Piece
    var file: (any StorageFile)?
  }

  /// Reads a range as it was just after a record.
  ///
  /// May be called from any number of threads.
  ///
  /// Fails with ``JournalError/pointGone(_:)`` if the point is folded already: hold it before.
  package func read(
    volume: Int,
    at offset: UInt64,
    into bytes: UnsafeMutableRawBufferPointer,
    asOf point: SequenceNumber
  ) throws(JournalError) {
    let fetches = try contents.withLock { contents throws(JournalError) in
      try contents.check(point)
      contents.readers[point, default: 0] += 1
      return contents.fetches(volume: volume, offset: offset, count: bytes.count, asOf: point)
    }
    defer {
      contents.withLock { contents in
        let others = contents.readers[point, default: 1] - 1
        contents.readers[point] = others == 0 ? nil : others
      }
    }
    unsafe try run(fetches, volume: volume, at: offset, into: bytes)
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
    _ fetches: [Fetch],
    volume: Int,
    at offset: UInt64,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(JournalError) {
    try stored { () throws(StorageError) in
      for fetch in fetches {
        let piece = fetch.piece
        let part = unsafe UnsafeMutableRawBufferPointer(
          rebasing: bytes[piece.position..<(piece.position + piece.count)]
        )
        switch piece.place {
        case .segment(_, let fileOffset):
          unsafe try fetch.file?.read(at: fileOffset, into: part)
        case .zeroes:
          unsafe part.initializeMemory(as: UInt8.self, repeating: 0)
        case .replica:
          unsafe try replicas[volume].read(at: offset + UInt64(piece.position), into: part)
        }
      }
    }
  }
}

extension StreamJournal.Contents {
  /// The pieces of a range with the files they are in.
  func fetches(
    volume: Int,
    offset: UInt64,
    count: Int,
    asOf point: SequenceNumber
  ) -> [StreamJournal.Fetch] {
    index.pieces(volume: volume, offset: offset, count: count, asOf: point).map { piece in
      guard case .segment(let number, _) = piece.place else {
        return StreamJournal.Fetch(piece: piece, file: nil)
      }
      return StreamJournal.Fetch(piece: piece, file: segment(number).file)
    }
  }
}
