// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLZ4
internal import NIOCore
internal import ReplicationProtocol

/// Makes frames of batches, compressed where that is worth it.
///
/// Used by one thread.
struct FrameWriter {
  private let usesCompression: Bool
  private var choice = AdaptiveCompression()

  init(usesCompression: Bool) { self.usesCompression = usesCompression }

  mutating func frame(of batch: RecordBatch, allocator: ByteBufferAllocator) -> ByteBuffer {
    let head = DataFrame.headByteCount(recordCount: batch.records.count)
    let payload = batch.payload
    if usesCompression, choice.shouldTry(byteCount: payload.count) {
      let bound = Int(LZ4_compressBound(Int32(payload.count)))
      var frame = allocator.buffer(capacity: head + bound)
      var isCompressed = false
      frame.writeWithUnsafeMutableBytes(minimumWritableBytes: head + bound) { bytes in
        let count = Int(
          LZ4_compress_default(
            payload.baseAddress,
            bytes.baseAddress.map { $0 + head },
            Int32(payload.count),
            Int32(bound)
          )
        )
        isCompressed = choice.tried(byteCount: payload.count, compressedByteCount: count)
        guard isCompressed else { return 0 }
        Self.seal(batch, bytes, byteCount: head + count, isCompressed: true)
        return head + count
      }
      if isCompressed { return frame }
    }
    var frame = allocator.buffer(capacity: head + payload.count)
    frame.writeWithUnsafeMutableBytes(minimumWritableBytes: head + payload.count) { bytes in
      UnsafeMutableRawBufferPointer(rebasing: bytes[head...]).copyMemory(from: payload)
      Self.seal(batch, bytes, byteCount: head + payload.count, isCompressed: false)
      return head + payload.count
    }
    return frame
  }

  private static func seal(
    _ batch: RecordBatch,
    _ bytes: UnsafeMutableRawBufferPointer,
    byteCount: Int,
    isCompressed: Bool
  ) {
    let frame = UnsafeMutableRawBufferPointer(rebasing: bytes[..<byteCount])
    DataFrame.encodeHead(batch, into: frame)
    FrameHeader.seal(frame: frame, kind: .data, isCompressed: isCompressed)
  }
}
