// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CChecksum
internal import RecoveryModel
internal import ReplicationProtocol

/// Drives one end of a link: a byte says what happens next, the rest is the peer's.
private enum Event {
  /// A frame of the peer's whose checksum is right.
  case frame(kind: UInt8, flags: UInt8, body: [UInt8])
  /// A frame as the input has it.
  case rawFrame([UInt8])
  case tick(milliseconds: UInt16)
  /// This end does the next thing it can do.
  case advance(UInt16)
  case fence

  init?(_ input: inout FuzzInput) {
    guard !input.isAtEnd else { return nil }
    let choice = input.number(UInt8.self)
    switch choice & 7 {
    case 0...3:
      let kind = input.number(UInt8.self)
      let byteCount = Int(input.number(UInt16.self))
      self = .frame(kind: kind, flags: choice >> 7, body: input.takeUp(to: byteCount))
    case 4:
      let byteCount = Int(input.number(UInt16.self))
      self = .rawFrame(input.takeUp(to: byteCount))
    case 5: self = .tick(milliseconds: input.number())
    case 6: self = .advance(input.number())
    default: self = .fence
    }
  }

  /// The bytes on the link, if the event is one of the peer's.
  var frame: [UInt8]? {
    switch self {
    case .rawFrame(let bytes): return bytes
    case .frame(let kind, let flags, let body):
      var bytes: [UInt8] = (0..<4).map { UInt8(truncatingIfNeeded: body.count >> (8 * $0)) }
      bytes += [kind, flags, 0, 0]
      let sum = understudy_crc32c(understudy_crc32c(0, bytes, 8), body, body.count)
      bytes += (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
      return bytes + body
    case .tick, .advance, .fence: return nil
    }
  }
}

private enum Received {
  case control(ControlMessage)
  case data(RecordBatch)
}

/// What the transport does with the bytes of one frame, decompression excepted.
private func decode(_ frame: [UInt8]) throws(ReplicationError) -> Received? {
  guard frame.count >= FrameHeader.byteCount else { return nil }
  let result = frame.withUnsafeBytes { bytes -> Result<Received?, ReplicationError> in
    do throws(ReplicationError) {
      let header = try FrameHeader(decoding: bytes)
      let end = FrameHeader.byteCount + header.bodyByteCount
      precondition(end <= FrameHeader.maximumFrameByteCount, "no bound on a frame")
      guard bytes.count >= end else { return .success(nil) }
      let body = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount..<end])
      try header.verify(body: body)
      guard header.kind == .data else {
        let message = try ControlMessage(kind: header.kind, body: body)
        checkRoundTrip(message)
        return .success(.control(message))
      }
      return .success(.data(try decodeData(header, body)))
    } catch {
      return .failure(error)
    }
  }
  return try result.get()
}

private func decodeData(
  _ header: FrameHeader,
  _ body: UnsafeRawBufferPointer
) throws(ReplicationError) -> RecordBatch {
  let batch = RecordBatch(payloadCapacity: 0)
  let content = batch.body(count: body.count)
  content.copyMemory(from: body)
  let isCompressed = header.compression != .none
  let place = try DataFrame.decodeHead(
    body: UnsafeRawBufferPointer(content),
    isCompressed: isCompressed,
    into: batch
  )
  precondition(place.payloadStart <= body.count, "a payload that begins after the end")
  precondition(
    place.payloadByteCount <= FrameHeader.maximumFrameByteCount,
    "no bound on what is decompressed"
  )
  if !isCompressed {
    batch.usePayload(at: place.payloadStart, count: place.payloadByteCount)
    precondition(batch.payload.count == place.payloadByteCount, "not all of the payload")
  }
  return batch
}

/// A message that was understood is understood again.
private func checkRoundTrip(_ message: ControlMessage) {
  let frame = message.encoded()
  let again = frame.withUnsafeBytes { bytes in
    try? ControlMessage(
      kind: message.kind,
      body: UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.byteCount...])
    )
  }
  precondition(again?.kind == message.kind, "a message is not understood again")
  switch message {
  // Long texts are cut.
  case .hello, .refuse: break
  default: precondition(again == message, "a message changes when it is encoded again")
  }
}

// MARK: Receiver

func fuzzLinkReceiver(_ input: inout FuzzInput) {
  var receiver = Receiver(durable: UInt64(input.number(UInt16.self)))
  while let event = Event(&input) {
    do throws(ReplicationError) {
      try receiver.take(event)
    } catch {
      precondition(!error.description.isEmpty, "no reason to log")
      return
    }
  }
}

/// A receiving end with a sink that stores nothing.
private struct Receiver: ~Copyable {
  private var link = ReceivingLink(now: 0)
  private var now: Int64 = 0
  private var handedOver: UInt64
  private var durable: UInt64
  private var isFenced = false
  /// Bytes handed over, since everything was durable last.
  private var waiting = 0

  init(durable: UInt64) {
    handedOver = durable
    self.durable = durable
  }

  mutating func take(_ event: Event) throws(ReplicationError) {
    switch event {
    case .frame, .rawFrame:
      guard let frame = event.frame, let received = try decode(frame) else { return }
      link.heard(at: now)
      switch received {
      case .control(let message): perform(try link.received(message))
      case .data(let batch): try take(batch)
      }
    case .tick(let milliseconds):
      now += Int64(milliseconds)
      perform(try link.tick(now: now))
    case .advance(let count):
      durable = min(handedOver, durable + UInt64(count))
      if durable == handedOver { waiting = 0 }
      perform(link.durable(through: SequenceNumber(durable)))
    case .fence:
      isFenced = true
      link.fence()
    }
  }

  private mutating func take(_ batch: RecordBatch) throws(ReplicationError) {
    guard let first = batch.first, let last = batch.last else {
      preconditionFailure("a batch without records")
    }
    let weight = batch.weight
    guard let known = try link.received(first: first, last: last, weight: weight) else { return }
    precondition(waiting < SendingLink.longestWindow, "no bound on what waits for the disk")
    waiting += weight
    precondition(!isFenced, "records are handed over by a fenced link")
    precondition(known < batch.records.count, "nothing is left to hand over")
    let next = batch.records[known].sequence
    precondition(next.rawValue == handedOver + 1, "records are lost or repeated")
    handedOver = last.rawValue
  }

  private mutating func perform(_ action: ReceivingLink.Action) {
    switch action {
    case .nothing, .hash: break
    case .send(.acknowledge(let sequence)):
      precondition(!isFenced && sequence.rawValue <= durable, "what is acknowledged is not durable")
    case .send(let message): checkRoundTrip(message)
    case .open:
      perform(
        link.welcome(
          StreamWelcome(
            durable: SequenceNumber(handedOver),
            isComplete: true,
            isAccepting: true
          )
        )
      )
    }
  }
}

// MARK: Sender

func fuzzLinkSender(_ input: inout FuzzInput) {
  var link = SendingLink(windowByteCount: 64 << 10, now: 0)
  var now: Int64 = 0
  while let event = Event(&input) {
    do throws(ReplicationError) {
      switch event {
      case .frame, .rawFrame:
        guard let frame = event.frame, let received = try decode(frame) else { continue }
        link.heard(at: now)
        // The transport ends a link on which the receiver sends data.
        guard case .control(let message) = received else { return }
        perform(try link.received(message), &link)
      case .tick(let milliseconds):
        now += Int64(milliseconds)
        perform(try link.tick(now: now), &link)
      case .advance(let count):
        guard link.canSend else { continue }
        let first = link.position.next
        let last = SequenceNumber(first.rawValue + UInt64(count & 0xFF))
        link.sending(first: first, last: last, byteCount: Int(count))
      case .fence:
        return
      }
    } catch {
      precondition(!error.description.isEmpty, "no reason to log")
      return
    }
  }
}

private func perform(_ action: SendingLink.Action, _ link: inout SendingLink) {
  switch action {
  case .nothing, .hashes: break
  case .send(let message): checkRoundTrip(message)
  case .opened(let welcome): link.resume(after: welcome.durable)
  case .acknowledged(let sequence):
    precondition(sequence <= link.position, "what was not sent is taken for durable")
  }
}
