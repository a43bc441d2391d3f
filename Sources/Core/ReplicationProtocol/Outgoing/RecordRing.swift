// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The records of one stream that the other site has not acknowledged, oldest first.
///
/// Record numbers are consecutive, so a number is a place. Whoever owns the ring locks around
/// every call.
@safe struct RecordRing {
  /// A record and where its payload is.
  struct Entry {
    var record: StreamRecord
    /// The ring the payload is in; unused without payload.
    var ring: Int
    /// Where the payload begins in its ring.
    var payloadStart: Int
    /// What becomes free in its ring with this entry; nil if another entry frees it.
    var freedThrough: UInt64?
  }

  /// The most records.
  let capacity: Int
  private let entries: UnsafeMutablePointer<Entry>
  /// The number before the oldest record's.
  private(set) var base: SequenceNumber
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    unsafe entries = .allocate(capacity: capacity)
    base = SequenceNumber(0)
  }

  func deallocate() { unsafe entries.deallocate() }

  var last: SequenceNumber { SequenceNumber(base.rawValue + UInt64(count)) }
  var oldest: Entry? { count == 0 ? nil : self[base.next] }
  func hasRoom(for more: Int) -> Bool { count + more <= capacity }

  subscript(sequence: SequenceNumber) -> Entry {
    precondition(sequence > base && sequence <= last, "no such record")
    return unsafe entries[slot(sequence)]
  }

  /// Appends an entry under the next number.
  mutating func append(_ entry: Entry) {
    precondition(hasRoom(for: 1), "no room for a record")
    precondition(entry.record.sequence == last.next, "not the next record")
    unsafe (entries + slot(entry.record.sequence)).initialize(to: entry)
    count += 1
  }

  /// Puts an entry in after `sequence`, of its own number; what came after moves up by one.
  mutating func insert(_ entry: Entry, after sequence: SequenceNumber) {
    precondition(hasRoom(for: 1), "no room for a record")
    precondition(sequence >= base && sequence <= last, "no such place")
    precondition(entry.record.sequence == sequence.next, "not the number of its place")
    var moved = entry
    var number = sequence.next
    while number <= last {
      unsafe swap(&entries[slot(number)], &moved)
      moved.record.sequence = number.next
      number = number.next
    }
    unsafe (entries + slot(number)).initialize(to: moved)
    count += 1
  }

  mutating func removeFirst() -> Entry? {
    guard let entry = oldest else { return nil }
    base = base.next
    count -= 1
    return entry
  }

  /// Drops everything; the next record follows `sequence`.
  mutating func restart(after sequence: SequenceNumber) {
    base = sequence
    count = 0
  }

  private func slot(_ sequence: SequenceNumber) -> Int {
    Int(sequence.rawValue % UInt64(capacity))
  }
}
