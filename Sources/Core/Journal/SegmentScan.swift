// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// Reads one segment's batches and checks every byte of them.
struct SegmentScan {
  let file: any StorageFile
  let salt: UInt64
  let fileByteCount: UInt64
  private let buffer = AlignedBuffer()

  init(_ segment: Segment) {
    file = segment.file
    salt = segment.salt
    fileByteCount = segment.fileByteCount
  }

  /// The batch at an offset, if a whole and undamaged one is there.
  ///
  /// `body` is called with the batch, from its header to the end of its payload. Without the check
  /// of the payload its bytes, and what the records say of their lengths, are to be looked at.
  func batch(
    at offset: UInt64,
    checkingPayload: Bool = true,
    body: (BatchHeader, UnsafeRawBufferPointer) throws(JournalError) -> Void
  ) throws(JournalError) -> BatchHeader? {
    guard let header = try header(at: offset),
      offset + UInt64(header.paddedByteCount) <= fileByteCount
    else { return nil }
    let content = unsafe buffer.bytes(header.contentByteCount)
    try stored { () throws(StorageError) in
      unsafe try file.read(at: offset, into: content)
    }
    let records = unsafe UnsafeMutableRawBufferPointer(rebasing: content[..<header.recordsEnd])
    guard unsafe BatchHeader.verify(records),
      unsafe !checkingPayload || Self.hasGoodPayload(header, UnsafeRawBufferPointer(content))
    else { return nil }
    unsafe try body(header, UnsafeRawBufferPointer(content))
    return header
  }

  /// The header at an offset, if there is one with this segment's salt.
  ///
  /// Its checksum is not looked at.
  func header(at offset: UInt64) throws(JournalError) -> BatchHeader? {
    guard offset + UInt64(BatchHeader.alignment) <= fileByteCount else { return nil }
    let beginning = unsafe buffer.bytes(BatchHeader.alignment)
    try stored { () throws(StorageError) in
      unsafe try file.read(at: offset, into: beginning)
    }
    guard let header = unsafe BatchHeader(decoding: UnsafeRawBufferPointer(beginning)),
      header.salt == salt
    else { return nil }
    return header
  }

  /// Calls `body` with the records of the batch at an offset, without reading their payloads.
  ///
  /// Nil if they are damaged.
  func records(
    at offset: UInt64,
    _ body: (StreamRecord) -> Void
  ) throws(JournalError) -> BatchHeader? {
    guard let header = try header(at: offset), offset + UInt64(header.recordsEnd) <= fileByteCount
    else { return nil }
    let bytes = unsafe buffer.bytes(header.recordsEnd)
    try stored { () throws(StorageError) in unsafe try file.read(at: offset, into: bytes) }
    guard unsafe BatchHeader.verify(bytes) else { return nil }
    for index in 0..<header.recordCount {
      guard let record = unsafe Self.record(index, of: UnsafeRawBufferPointer(bytes)) else {
        return nil
      }
      body(record)
    }
    return header
  }

  /// Whether each record's payload is what its checksum says.
  private static func hasGoodPayload(_ batch: BatchHeader, _ bytes: UnsafeRawBufferPointer) -> Bool
  {
    var position = batch.payloadOffset
    for index in 0..<batch.recordCount {
      guard let record = unsafe record(index, of: bytes) else { return false }
      let end = position + record.payloadByteCount
      guard end <= bytes.count,
        unsafe record.isPayload(UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
      else { return false }
      position = end
    }
    return position == bytes.count
  }

  /// One record of a batch.
  static func record(_ index: Int, of batch: UnsafeRawBufferPointer) -> StreamRecord? {
    let start = BatchHeader.byteCount + index * StreamRecord.encodedByteCount
    return unsafe StreamRecord(decoding: UnsafeRawBufferPointer(rebasing: batch[start...]))
  }

  /// The first offset from `offset` on at which an undamaged batch begins whose records are not
  /// before `sequence`.
  func nextBatch(from offset: UInt64, notBefore sequence: SequenceNumber) throws(JournalError)
    -> UInt64?
  {
    let pieces = AlignedBuffer()
    var start = offset
    while start + UInt64(BatchHeader.alignment) <= fileByteCount {
      let count = min(1 << 20, fileByteCount - start) & ~UInt64(BatchHeader.alignment - 1)
      let piece = unsafe pieces.bytes(Int(count))
      try stored { () throws(StorageError) in unsafe try file.read(at: start, into: piece) }
      for place in stride(from: 0, to: Int(count), by: BatchHeader.alignment) {
        let block = unsafe UnsafeRawBufferPointer(rebasing: piece[place...])
        guard let header = unsafe BatchHeader(decoding: block), header.salt == salt,
          header.firstSequence >= sequence
        else { continue }
        let found = start + UInt64(place)
        if unsafe try batch(at: found, body: { _, _ in }) != nil { return found }
      }
      start += count
    }
    return nil
  }

  /// Writes a batch that was read to its place once more.
  ///
  /// If a sync of it failed before, the system may take the bytes it gives for bytes that are on
  /// the disk, and the next sync would do nothing for them. Every earlier batch was synced.
  func rewrite(_ header: BatchHeader, at offset: UInt64) throws(JournalError) {
    let bytes = unsafe buffer.bytes(header.paddedByteCount)
    try stored { () throws(StorageError) in
      unsafe try file.read(at: offset, into: bytes)
      unsafe try file.write(UnsafeRawBufferPointer(bytes), at: offset)
    }
  }

  /// Makes sure that no batch begins at `offset`, durably.
  ///
  /// A batch that was written in part and is not counted could become whole when another one is
  /// written over it and that is torn too.
  static func void(_ file: any StorageFile, at offset: UInt64) throws(StorageError) {
    let buffer = AlignedBuffer()
    let zeroes = unsafe buffer.bytes(BatchHeader.alignment)
    unsafe zeroes.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe try file.write(UnsafeRawBufferPointer(zeroes), at: offset)
    try file.sync()
  }
}

extension StreamRecord {
  /// Whether bytes of the payload's length are what the record came with.
  func isPayload(_ bytes: UnsafeRawBufferPointer) -> Bool {
    unsafe bytes.isEmpty || Checksum.of(bytes) == payloadChecksum
  }
}
