// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import ReplicationProtocol

/// One connection between two appliances.
///
/// Each end may be gone while the other has not noticed, and what was sent before still arrives:
/// that is how a half-open connection behaves.
final class SimulatedConnection {
  let number: Int
  /// Whole frames, as they are on the link.
  private(set) var toReceiver: [[UInt8]] = []
  private(set) var toSender: [[UInt8]] = []
  var receiving: ReceivingLink
  var isReceiverThere = true
  var isSenderThere = true
  /// Until then nobody reads at this end.
  var receiverStallsUntil: Int64 = 0
  var senderStallsUntil: Int64 = 0

  init(number: Int, now: Int64) {
    self.number = number
    receiving = ReceivingLink(now: now)
  }

  func sendToReceiver(_ frame: [UInt8]) { toReceiver.append(frame) }
  func sendToReceiver(_ message: ControlMessage) { toReceiver.append(message.encoded()) }
  func sendToSender(_ message: ControlMessage) { toSender.append(message.encoded()) }
  func takeAtReceiver() -> [UInt8] { toReceiver.removeFirst() }
  func takeAtSender() -> [UInt8] { toSender.removeFirst() }

  /// Whether neither end knows the connection any more.
  var isForgotten: Bool { !isReceiverThere && !isSenderThere }
}

/// What a frame holds.
enum SimulatedFrame {
  case control(ControlMessage)
  case data(RecordBatch)

  /// Reads a whole frame and checks every byte of it, as the transport does.
  init(_ bytes: [UInt8]) throws(ReplicationError) {
    let result = unsafe bytes.withUnsafeBytes { bytes -> Result<Self, ReplicationError> in
      do throws(ReplicationError) {
        return .success(unsafe try Self.decode(bytes))
      } catch { return .failure(error) }
    }
    self = try result.get()
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer) throws(ReplicationError) -> Self {
    let header = unsafe try FrameHeader(decoding: bytes)
    guard bytes.count == FrameHeader.byteCount + header.bodyByteCount else {
      throw .malformed(header.kind)
    }
    let body = unsafe UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount...])
    unsafe try header.verify(body: body)
    guard header.kind == .data else {
      return .control(unsafe try ControlMessage(kind: header.kind, body: body))
    }
    let batch = RecordBatch(payloadCapacity: 0)
    unsafe batch.body(count: body.count).copyMemory(from: body)
    let place = unsafe try DataFrame.decodeHead(body: body, isCompressed: false, into: batch)
    batch.usePayload(at: place.payloadStart, count: place.payloadByteCount)
    // As FrameReader does: the frame's own checksum ends before the payloads.
    var start = 0
    for record in batch.records {
      let end = start + record.payloadByteCount
      let piece = unsafe UnsafeRawBufferPointer(rebasing: batch.payload[start..<end])
      guard unsafe payloadChecksum(piece) == record.payloadChecksum else {
        throw .checksumMismatch(.data)
      }
      start = end
    }
    return .data(batch)
  }
}

extension [UInt8] {
  /// Whether these bytes begin a frame of this kind.
  func isFrame(_ kind: FrameKind) -> Bool { self[4] == kind.rawValue }
}

extension RecordBatch {
  /// The frame of a batch, as it is on the link without compression.
  var simulatedFrame: [UInt8] {
    let head = DataFrame.headByteCount(recordCount: records.count)
    var frame = [UInt8](repeating: 0, count: head + payloadByteCount)
    unsafe frame.withUnsafeMutableBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[head...]).copyMemory(from: payload)
      unsafe DataFrame.encodeHead(self, into: bytes)
      unsafe FrameHeader.seal(frame: bytes, kind: .data)
    }
    return frame
  }
}
