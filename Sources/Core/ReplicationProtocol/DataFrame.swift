// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The fixed parts of a frame with records.
///
/// Body, little endian: 0 number of records (4), 4 bytes of payload before compression (4), then
/// the records, 40 bytes each, then all payloads end to end, compressed as one if the header's
/// flags say so.
package enum DataFrame {
  /// Bytes before the first record, frame header included.
  package static let prefixByteCount = FrameHeader.byteCount + 8

  /// Bytes of a frame before its payload.
  package static func headByteCount(recordCount: Int) -> Int {
    prefixByteCount + recordCount * StreamRecord.encodedByteCount
  }

  /// Writes everything before the payload, except the header.
  package static func encodeHead(_ batch: RecordBatch, into frame: UnsafeMutableRawBufferPointer) {
    precondition(
      frame.count >= headByteCount(recordCount: batch.records.count),
      "no room for the records"
    )
    unsafe frame.storeBytes(
      of: UInt32(batch.records.count).littleEndian,
      toByteOffset: 12,
      as: UInt32.self
    )
    unsafe frame.storeBytes(
      of: UInt32(batch.payloadByteCount).littleEndian,
      toByteOffset: 16,
      as: UInt32.self
    )
    for (index, record) in batch.records.enumerated() {
      let start = headByteCount(recordCount: index)
      unsafe record.encode(into: UnsafeMutableRawBufferPointer(rebasing: frame[start...]))
    }
  }

  /// What a frame's body says about its payload's size before compression, in bytes.
  package static func announcedByteCount(body: UnsafeRawBufferPointer) -> Int {
    guard body.count >= 8 else { return 0 }
    return unsafe Int(
      UInt32(littleEndian: body.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    )
  }

  /// Reads the records of a frame's body, whose checksum was found right, into an empty batch.
  ///
  /// - Returns: Where in the body the payload begins. The caller copies or decompresses what is
  ///   there into `batch.appendPayload(count:)` of `payloadByteCount`, or lets the batch use it in
  ///   place.
  /// - Throws: ``ReplicationError/malformed(_:)`` or ``ReplicationError/gap(expected:received:)``.
  package static func decodeHead(
    body: UnsafeRawBufferPointer,
    isCompressed: Bool,
    into batch: RecordBatch
  ) throws(ReplicationError) -> (payloadStart: Int, payloadByteCount: Int) {
    precondition(batch.isEmpty, "the batch is in use")
    guard body.count >= 8 else { throw .malformed(.data) }
    let recordCount = unsafe Int(UInt32(littleEndian: body.loadUnaligned(as: UInt32.self)))
    let payloadByteCount = unsafe announcedByteCount(body: body)
    let payloadStart = headByteCount(recordCount: recordCount) - FrameHeader.byteCount
    guard (1...RecordBatch.maximumRecordCount).contains(recordCount),
      payloadStart <= body.count,
      payloadByteCount <= FrameHeader.maximumFrameByteCount,
      isCompressed || body.count - payloadStart == payloadByteCount
    else { throw .malformed(.data) }
    var announced = 0
    for index in 0..<recordCount {
      let start = headByteCount(recordCount: index) - FrameHeader.byteCount
      guard
        let record = unsafe StreamRecord(
          decoding: UnsafeRawBufferPointer(rebasing: body[start...])
        )
      else { throw .malformed(.data) }
      if let last = batch.last, record.sequence != last.next {
        throw .gap(expected: last.next, received: record.sequence)
      }
      announced += record.payloadByteCount
      batch.append(record)
    }
    guard announced == payloadByteCount else { throw .malformed(.data) }
    return (payloadStart, payloadByteCount)
  }
}
