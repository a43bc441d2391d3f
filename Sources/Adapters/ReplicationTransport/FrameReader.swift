// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import RecoveryModel
internal import ReplicationProtocol

/// A frame as it came off the link.
enum Frame {
  case control(ControlMessage)
  case data(RecordBatch)
}

/// Cuts frames out of the bytes of a link.
///
/// A body is copied once, to where it stays: uncompressed payloads into the batch that is handed
/// on, all else into memory that is used again for the next frame.
struct FrameReader {
  /// Where batches come from.
  private let batches: BatchPool
  private let codec = PayloadCodec()
  private var head = ByteBuffer()
  private var header: FrameHeader?
  /// The batch that becomes the frame; nil while the body goes to `scratch`.
  private var batch: RecordBatch?
  private var scratch = RecordBatch(payloadCapacity: 0)
  private var body = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var filled = 0

  init(batches: BatchPool) { self.batches = batches }

  /// Takes bytes up to the end of a frame.
  ///
  /// - Returns: The frame, if it is whole; nil if more bytes are needed.
  mutating func next(from bytes: inout ByteBuffer) throws(ReplicationError) -> Frame? {
    if header == nil {
      guard let header = try readHeader(from: &bytes) else { return nil }
      begin(header)
    }
    guard let header else { return nil }
    let count = min(bytes.readableBytes, body.count - filled)
    bytes.readWithUnsafeReadableBytes { bytes in
      UnsafeMutableRawBufferPointer(rebasing: body[filled...])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      return count
    }
    filled += count
    guard filled == body.count else { return nil }
    self.header = nil
    let content = UnsafeRawBufferPointer(body)
    try header.verify(body: content)
    guard header.kind == .data else {
      return .control(try ControlMessage(kind: header.kind, body: content))
    }
    return .data(try decode(header, content))
  }

  private mutating func readHeader(
    from bytes: inout ByteBuffer
  ) throws(ReplicationError) -> FrameHeader? {
    let missing = FrameHeader.byteCount - head.readableBytes
    if var part = bytes.readSlice(length: min(missing, bytes.readableBytes)) {
      head.writeBuffer(&part)
    }
    guard head.readableBytes == FrameHeader.byteCount else { return nil }
    defer { head.clear() }
    let result: Result<FrameHeader, ReplicationError> = head.withUnsafeReadableBytes { bytes in
      do throws(ReplicationError) {
        return .success(try FrameHeader(decoding: bytes))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Finds memory for a body.
  private mutating func begin(_ header: FrameHeader) {
    self.header = header
    filled = 0
    if header.kind == .data, header.compression == .none {
      let batch = batches.take(payloadByteCount: header.bodyByteCount)
      body = batch.body(count: header.bodyByteCount)
      self.batch = batch
    } else {
      body = scratch.body(count: header.bodyByteCount)
    }
  }

  private mutating func decode(
    _ header: FrameHeader,
    _ content: UnsafeRawBufferPointer
  ) throws(ReplicationError) -> RecordBatch {
    let isCompressed = header.compression != .none
    let announced = min(
      DataFrame.announcedByteCount(body: content),
      FrameHeader.maximumFrameByteCount
    )
    let batch = self.batch ?? batches.take(payloadByteCount: announced)
    self.batch = nil
    let place = try DataFrame.decodeHead(body: content, isCompressed: isCompressed, into: batch)
    if isCompressed {
      try codec.decompress(
        UnsafeRawBufferPointer(rebasing: content[place.payloadStart...]),
        with: header.compression,
        into: batch.appendPayload(count: place.payloadByteCount)
      )
    } else {
      batch.usePayload(at: place.payloadStart, count: place.payloadByteCount)
    }
    try Self.verifyPayloads(of: batch)
    return batch
  }

  /// Payloads are checked from the tap on, not only from the frame on.
  private static func verifyPayloads(of batch: RecordBatch) throws(ReplicationError) {
    var start = 0
    let payload = batch.payload
    for record in batch.records {
      let end = start + record.payloadByteCount
      let piece = UnsafeRawBufferPointer(rebasing: payload[start..<end])
      guard payloadChecksum(piece) == record.payloadChecksum else {
        throw .checksumMismatch(.data)
      }
      start = end
    }
  }
}
