// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Records that travel together, with their payloads laid end to end in the records' order.
///
/// Made once and filled again and again: ``removeAll()`` keeps the memory. A batch is handed over
/// whole, from the thread that filled it to the one that empties it, and no two threads ever use
/// it at the same time; that is what makes `@unchecked Sendable` safe.
@safe package final class RecordBatch: @unchecked Sendable {
  /// The most records of one batch, so that records without payload cannot make it too long.
  package static let maximumRecordCount = 8192

  package private(set) var records: [StreamRecord] = []
  package private(set) var payloadByteCount = 0
  /// Where the payload begins in the memory: a received frame's body is used where it lies.
  private var payloadStart = 0
  private var memory: UnsafeMutableRawBufferPointer

  /// Makes an empty batch with room for `payloadCapacity` bytes; it grows when it must.
  package init(payloadCapacity: Int = 1 << 20) {
    unsafe memory = .allocate(byteCount: max(payloadCapacity, 4096), alignment: 4096)
  }

  deinit { unsafe memory.deallocate() }

  package var isEmpty: Bool { records.isEmpty }

  /// All payloads, end to end.
  ///
  /// Valid until the batch is changed or gone.
  package var payload: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(
      rebasing: memory[payloadStart..<payloadStart + payloadByteCount]
    )
  }

  /// Bytes of memory the batch keeps, whatever is in it.
  package var capacity: Int {
    unsafe memory.count + records.capacity * MemoryLayout<StreamRecord>.stride
  }

  /// Bytes of memory the batch keeps for payloads.
  package var payloadCapacity: Int { unsafe memory.count }

  /// What the batch counts against the link's window, in bytes: a record weighs something too, or
  /// a window would take any number of them.
  package var weight: Int { payloadByteCount + records.count * StreamRecord.encodedByteCount }

  /// Whether a sync brought more of the payload than the guest wrote.
  package var isMostlyPulled: Bool {
    let pulled = records.reduce(0) { $0 + ($1.isPulled ? $1.payloadByteCount : 0) }
    return pulled * 2 > payloadByteCount
  }

  /// The first record's number, if there is one.
  package var first: SequenceNumber? { records.first?.sequence }

  /// The last record's number, if there is one.
  package var last: SequenceNumber? { records.last?.sequence }

  /// Whether a record with `count` bytes of payload would exceed `byteLimit` or the number of
  /// records.
  ///
  /// An empty batch takes any one record.
  package func isFull(forAnother count: Int, byteLimit: Int) -> Bool {
    !records.isEmpty
      && (payloadByteCount + count > byteLimit || records.count >= Self.maximumRecordCount)
  }

  /// Appends a record and copies its payload.
  package func append(_ record: StreamRecord, payload: UnsafeRawBufferPointer) {
    precondition(payload.count == record.payloadByteCount, "payload does not fit its record")
    records.append(record)
    guard payload.count > 0 else { return }
    unsafe appendPayload(count: payload.count).copyMemory(from: unsafe payload)
  }

  /// Appends a record whose payload is in the batch already or will be put there with
  /// ``appendPayload(count:)``.
  package func append(_ record: StreamRecord) { records.append(record) }

  /// Makes room for `count` more bytes of payload, which the caller fills.
  package func appendPayload(count: Int) -> UnsafeMutableRawBufferPointer {
    let start = payloadStart + payloadByteCount
    let end = start + count
    if unsafe end > memory.count { grow(to: end) }
    defer { payloadByteCount += count }
    return unsafe UnsafeMutableRawBufferPointer(rebasing: memory[start..<end])
  }

  /// Empties the batch and gives `count` bytes of its memory for a frame's body, which the caller
  /// fills.
  ///
  /// Nothing of it is payload until ``usePayload(at:count:)``.
  package func body(count: Int) -> UnsafeMutableRawBufferPointer {
    removeAll()
    if unsafe count > memory.count { grow(to: count) }
    return unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
  }

  /// Makes `count` bytes of the body, from `start` on, the payload of the records appended since.
  package func usePayload(at start: Int, count: Int) {
    precondition(payloadByteCount == 0, "the batch has payload already")
    precondition(start >= 0 && start + count <= payloadCapacity, "no such part of the body")
    payloadStart = start
    payloadByteCount = count
  }

  /// Removes the first `count` records with their payloads.
  package func removeFirst(_ count: Int) {
    guard count > 0 else { return }
    let dropped = records[..<count].reduce(0) { $0 + $1.payloadByteCount }
    records.removeFirst(count)
    payloadStart += dropped
    payloadByteCount -= dropped
  }

  /// Empties the batch and keeps its memory.
  package func removeAll() {
    records.removeAll(keepingCapacity: true)
    payloadStart = 0
    payloadByteCount = 0
  }

  private func grow(to byteCount: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(byteCount, unsafe memory.count * 2),
      alignment: 4096
    )
    let used = payloadStart + payloadByteCount
    unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<used]))
    unsafe memory.deallocate()
    unsafe memory = larger
  }
}
