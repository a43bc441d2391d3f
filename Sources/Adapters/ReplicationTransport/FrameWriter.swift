// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import RecoveryModel
internal import ReplicationProtocol

/// Makes frames of batches, compressed where that is worth it.
///
/// Used by one thread. The frames' memory is used in turn, as soon as the network is through with
/// it.
struct FrameWriter {
  /// What to compress with.
  var compression: PayloadCompression
  private let codec = PayloadCodec()
  private var choice = AdaptiveCompression()
  private var buffers: [ByteBuffer]
  private var turn = 0

  init(compression: PayloadCompression) {
    self.compression = compression
    buffers = Array(repeating: ByteBuffer(), count: 4)
  }

  /// Makes a frame; `isLinkIdle` says that the network waits for it.
  mutating func frame(of batch: RecordBatch, isLinkIdle: Bool) -> ByteBuffer {
    choice.pace(isLinkIdle: isLinkIdle)
    turn = (turn + 1) % buffers.count
    // Takes new memory if the network still has the old one.
    buffers[turn].clear()
    let isCompressed =
      compression != .none && choice.shouldTry(byteCount: batch.payloadByteCount)
      && writeCompressed(batch)
    if !isCompressed { writePlain(batch) }
    return buffers[turn]
  }

  private mutating func writeCompressed(_ batch: RecordBatch) -> Bool {
    let payload = batch.payload
    let head = DataFrame.headByteCount(recordCount: batch.records.count)
    let bound = PayloadCodec.bound(compression, payload.count)
    let (compression, codec) = (compression, codec)
    var choice = choice
    let count = buffers[turn].writeWithUnsafeMutableBytes(minimumWritableBytes: head + bound) {
      bytes in
      let room = UnsafeMutableRawBufferPointer(rebasing: bytes[head..<head + bound])
      let count = codec.compress(
        payload,
        with: compression,
        acceleration: choice.acceleration,
        into: room
      )
      guard choice.tried(byteCount: payload.count, compressedByteCount: count) else { return 0 }
      Self.seal(batch, bytes, byteCount: head + count, compression)
      return head + count
    }
    self.choice = choice
    return count > 0
  }

  private mutating func writePlain(_ batch: RecordBatch) {
    let payload = batch.payload
    let head = DataFrame.headByteCount(recordCount: batch.records.count)
    let count = head + payload.count
    buffers[turn].writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
      UnsafeMutableRawBufferPointer(rebasing: bytes[head...]).copyMemory(from: payload)
      Self.seal(batch, bytes, byteCount: count, .none)
      return count
    }
  }

  private static func seal(
    _ batch: RecordBatch,
    _ bytes: UnsafeMutableRawBufferPointer,
    byteCount: Int,
    _ compression: PayloadCompression
  ) {
    let frame = UnsafeMutableRawBufferPointer(rebasing: bytes[..<byteCount])
    DataFrame.encodeHead(batch, into: frame)
    FrameHeader.seal(frame: frame, kind: .data, compression: compression)
  }
}
