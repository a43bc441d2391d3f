// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// Reads one segment's batches on opening and checks every byte of them.
struct SegmentScan {
  let segment: Segment
  private let fileByteCount: UInt64
  private let buffer = AlignedBuffer()

  init(_ segment: Segment) throws(JournalError) {
    self.segment = segment
    fileByteCount = try stored { () throws(StorageError) in try segment.file.byteCount() }
  }

  /// The batch at an offset, if a whole and undamaged one is there.
  ///
  /// `bytes` is called with the batch, from its header to the end of its payload.
  func batch(
    at offset: UInt64,
    bytes: (BatchHeader, UnsafeRawBufferPointer) throws(JournalError) -> Void
  ) throws(JournalError) -> BatchHeader? {
    guard offset + UInt64(BatchHeader.alignment) <= fileByteCount else { return nil }
    let beginning = unsafe buffer.bytes(BatchHeader.alignment)
    try stored { () throws(StorageError) in
      unsafe try segment.file.read(at: offset, into: beginning)
    }
    guard let header = unsafe BatchHeader(decoding: UnsafeRawBufferPointer(beginning)),
      header.salt == segment.salt,
      offset + UInt64(header.paddedByteCount) <= fileByteCount
    else { return nil }
    let content = unsafe buffer.bytes(header.contentByteCount)
    try stored { () throws(StorageError) in
      unsafe try segment.file.read(at: offset, into: content)
    }
    guard unsafe BatchHeader.verify(content) else { return nil }
    unsafe try bytes(header, UnsafeRawBufferPointer(content))
    return header
  }

  /// The first offset from `offset` on at which an undamaged batch begins whose records are not
  /// before `sequence`.
  func nextBatch(from offset: UInt64, notBefore sequence: SequenceNumber) throws(JournalError)
    -> UInt64?
  {
    var offset = offset
    while offset < fileByteCount {
      let header = unsafe try batch(at: offset) { _, _ in }
      if let header, header.firstSequence >= sequence { return offset }
      offset += UInt64(BatchHeader.alignment)
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
      unsafe try segment.file.read(at: offset, into: bytes)
      unsafe try segment.file.write(UnsafeRawBufferPointer(bytes), at: offset)
    }
  }

  /// Whether the file goes on after `offset`, with whatever.
  func hasBytes(after offset: UInt64) -> Bool { fileByteCount > offset }
}
