// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLZ4
internal import NIOCore
internal import RecoveryModel
internal import ReplicationProtocol

/// A frame as it came off the link.
enum Frame {
  case control(ControlMessage)
  case data(RecordBatch)
}

/// Cuts frames out of the bytes of a link.
struct FrameReader {
  private var bytes = ByteBuffer()

  mutating func append(_ more: inout ByteBuffer) {
    if bytes.readableBytes == 0 {
      bytes = more
    } else {
      bytes.writeBuffer(&more)
    }
  }

  /// The next whole frame, if there is one.
  mutating func next() throws(ReplicationError) -> Frame? {
    guard bytes.readableBytes >= FrameHeader.byteCount else { return nil }
    let header = try bytes.withBytes { (bytes) throws(ReplicationError) in
      try FrameHeader(decoding: bytes)
    }
    let byteCount = FrameHeader.byteCount + header.bodyByteCount
    guard bytes.readableBytes >= byteCount else { return nil }
    let frame = try bytes.withBytes { (bytes) throws(ReplicationError) in
      let whole = UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])
      try header.verify(frame: whole)
      return try Self.decode(
        header,
        body: UnsafeRawBufferPointer(rebasing: whole[FrameHeader.byteCount...])
      )
    }
    bytes.moveReaderIndex(forwardBy: byteCount)
    bytes.discardReadBytes()
    return frame
  }

  private static func decode(
    _ header: FrameHeader,
    body: UnsafeRawBufferPointer
  ) throws(ReplicationError) -> Frame {
    guard header.kind == .data else {
      return .control(try ControlMessage(kind: header.kind, body: body))
    }
    let batch = RecordBatch(payloadCapacity: 0)
    let place = try DataFrame.decodeHead(
      body: body,
      isCompressed: header.isCompressed,
      into: batch
    )
    let source = UnsafeRawBufferPointer(rebasing: body[place.payloadStart...])
    let target = batch.appendPayload(count: place.payloadByteCount)
    if header.isCompressed {
      let count = LZ4_decompress_safe(
        source.baseAddress,
        target.baseAddress,
        Int32(source.count),
        Int32(target.count)
      )
      guard Int(count) == place.payloadByteCount else { throw .malformed(.data) }
    } else {
      target.copyMemory(from: source)
    }
    try verifyPayloads(of: batch)
    return .data(batch)
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

extension ByteBuffer {
  /// Like `withUnsafeReadableBytes`, with the error's type kept.
  fileprivate func withBytes<Value>(
    _ body: (UnsafeRawBufferPointer) throws(ReplicationError) -> Value
  ) throws(ReplicationError) -> Value {
    let result: Result<Value, ReplicationError> = withUnsafeReadableBytes { bytes in
      do throws(ReplicationError) {
        return .success(try body(bytes))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
