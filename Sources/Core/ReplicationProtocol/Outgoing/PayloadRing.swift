// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Memory for payloads, taken in order and given back in order.
///
/// One producer at a time. The memory is divided into chunks, and the chunk that was given back
/// last is taken next: as long as little is on its way, little memory is ever touched, and it is
/// in the processor's caches.
///
/// What must hold: positions only grow; position `p` is in the `p / chunk`th chunk taken; a
/// payload is never split, so the rest of a chunk is skipped when it does not fit there. Whoever
/// owns the ring locks around every call; the bytes themselves are written and read without the
/// lock, inside a reservation or between tail and head.
@safe struct PayloadRing {
  /// Where a payload is, and up to where the ring is free once it is gone.
  struct Place {
    let start: Int
    let end: UInt64
  }

  /// Room that is promised, and the chunk taken for it if the one in use is too full.
  private struct Reservation {
    let place: Place
    let newChunk: Int?
  }

  private static let largestChunk = 4 << 20

  private let memory: UnsafeMutableRawBufferPointer
  private let chunkByteCount: Int
  /// The chunks nobody uses, by number; the last is taken next.
  private var freeChunks: [Int]
  /// Which chunk the `n`th one taken is, at `n` modulo their count.
  private var takenChunks: [Int]
  private var head: UInt64 = 0
  private var tail: UInt64 = 0
  private var reserved: Reservation?

  /// - Parameter byteCount: Room for all payloads; each can be a quarter of it, at most 4 MiB.
  init(byteCount: Int) {
    chunkByteCount = max(1, min(byteCount / 4, Self.largestChunk))
    let chunkCount = max(1, byteCount / chunkByteCount)
    unsafe memory = .allocate(byteCount: chunkCount * chunkByteCount, alignment: 4096)
    freeChunks = (0..<chunkCount).reversed()
    takenChunks = Array(repeating: 0, count: chunkCount)
  }

  func deallocate() { unsafe memory.deallocate() }

  var capacity: Int { unsafe memory.count }
  /// Bytes that cannot be used, what is skipped at chunks' ends included.
  var usedByteCount: Int { Int(head - tail) }

  /// Reserves `count` bytes, which stay the caller's until ``commit()`` or ``abandon()``.
  ///
  /// - Returns: nil if there is no room, or if another reservation is open.
  mutating func reserve(_ count: Int) -> UnsafeMutableRawBufferPointer? {
    guard reserved == nil, count <= chunkByteCount else { return nil }
    let chunk = UInt64(chunkByteCount)
    let offset = head % chunk
    let place: Place
    if offset > 0, offset + UInt64(count) <= chunk {
      place = Place(start: memoryOffset(of: head), end: head + UInt64(count))
      reserved = Reservation(place: place, newChunk: nil)
    } else {
      guard let taken = freeChunks.popLast() else { return nil }
      let start = offset == 0 ? head : head + (chunk - offset)
      place = Place(start: taken * chunkByteCount, end: start + UInt64(count))
      reserved = Reservation(place: place, newChunk: taken)
    }
    return unsafe slice(place.start, count)
  }

  /// The reservation becomes part of the content.
  mutating func commit() -> Place {
    guard let reservation = reserved else { preconditionFailure("nothing is reserved") }
    reserved = nil
    head = reservation.place.end
    // The last byte's, for a payload can end where its chunk does.
    if let chunk = reservation.newChunk { takenChunks[turn(of: head - 1)] = chunk }
    return reservation.place
  }

  mutating func abandon() {
    if let chunk = reserved?.newChunk { freeChunks.append(chunk) }
    reserved = nil
  }

  /// Everything up to `end` can be used again.
  mutating func free(through end: UInt64) {
    precondition(end <= head, "freeing what is not there")
    guard end > tail else { return }
    let chunk = UInt64(chunkByteCount)
    for number in tail / chunk..<end / chunk { freeChunks.append(takenChunks[turn(number)]) }
    tail = end
    guard tail == head, head % chunk > 0, reserved == nil else { return }
    // An empty ring begins a chunk at its front: memory that was touched lately is touched next.
    freeChunks.append(takenChunks[turn(of: head)])
    head += chunk - head % chunk
    tail = head
  }

  mutating func freeAll() { free(through: head) }

  func slice(_ start: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + count])
  }

  private func turn(_ number: UInt64) -> Int { Int(number % UInt64(takenChunks.count)) }

  private func turn(of position: UInt64) -> Int { turn(position / UInt64(chunkByteCount)) }

  private func memoryOffset(of position: UInt64) -> Int {
    takenChunks[turn(of: position)] * chunkByteCount + Int(position % UInt64(chunkByteCount))
  }
}
