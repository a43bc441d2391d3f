// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Memory for payloads, used from front to back and over again.
///
/// One producer at a time.
///
/// What must hold: positions only grow; `tail <= head <= tail + capacity`; a payload is never
/// split, so the rest before the end is skipped when it does not fit there. Whoever owns the ring
/// locks around every call; the bytes themselves are written and read without the lock, inside a
/// reservation or between tail and head.
@safe struct PayloadRing {
  /// Where a payload is, and up to where the ring is free once it is gone.
  struct Place {
    let start: Int
    let end: UInt64
  }

  private let memory: UnsafeMutableRawBufferPointer
  private var head: UInt64 = 0
  private var tail: UInt64 = 0
  private var reserved: Place?

  init(byteCount: Int) {
    unsafe memory = .allocate(byteCount: byteCount, alignment: 4096)
  }

  func deallocate() { unsafe memory.deallocate() }

  var capacity: Int { unsafe memory.count }
  var usedByteCount: Int { Int(head - tail) }

  /// Reserves `count` bytes, which stay the caller's until ``commit()`` or ``abandon()``.
  ///
  /// - Returns: nil if there is no room, or if another reservation is open.
  mutating func reserve(_ count: Int) -> UnsafeMutableRawBufferPointer? {
    guard reserved == nil else { return nil }
    let size = UInt64(capacity)
    let position = head % size
    let start = position + UInt64(count) > size ? head + (size - position) : head
    let end = start + UInt64(count)
    guard end - tail <= size else { return nil }
    reserved = Place(start: Int(start % size), end: end)
    return unsafe slice(Int(start % size), count)
  }

  /// The reservation becomes part of the content.
  mutating func commit() -> Place {
    guard let place = reserved else { preconditionFailure("nothing is reserved") }
    reserved = nil
    head = place.end
    return place
  }

  mutating func abandon() { reserved = nil }

  /// Everything up to `end` can be used again.
  mutating func free(through end: UInt64) {
    precondition(end <= head, "freeing what is not there")
    tail = max(tail, end)
    guard tail == head, reserved == nil else { return }
    // An empty ring begins at its front again: memory that was touched lately is touched next.
    head = 0
    tail = 0
  }

  mutating func freeAll() { free(through: head) }

  func slice(_ start: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + count])
  }
}
