// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// The bodies of control frames, byte by byte as in docs/formats/replication.md. They are short
// and rare, so arrays of bytes do.

private let helloMagic: UInt64 = 0x314d_5254_5344_4e55  // "UNDSTRM1"

extension ControlMessage {
  /// The whole frame.
  package func encoded() -> [UInt8] {
    var frame = [UInt8](repeating: 0, count: FrameHeader.byteCount)
    appendBody(to: &frame)
    unsafe frame.withUnsafeMutableBytes { bytes in
      unsafe FrameHeader.seal(frame: bytes, kind: kind)
    }
    return frame
  }

  private func appendBody(to frame: inout [UInt8]) {
    switch self {
    case .hello(let version, let stream):
      frame.append(number: helloMagic)
      frame.append(number: version)
      frame.append(text: stream.rawValue)
    case .welcome(let welcome):
      frame.append(number: welcome.durable.rawValue)
      frame.append(
        number: UInt32(welcome.isComplete ? 1 : 0) | UInt32(welcome.isAccepting ? 2 : 0)
          | UInt32(welcome.compressions.rawValue) << 8
      )
    case .refuse(let code, let text):
      frame.append(number: code.rawValue)
      frame.append(text: text)
    case .acknowledge(let sequence):
      frame.append(number: sequence.rawValue)
    case .hashQuery(let query):
      frame.append(number: query.identifier)
      frame.append(number: query.offset)
      frame.append(number: query.blockSize)
      frame.append(number: query.blockCount)
      frame.append(number: query.volume)
    case .hashReply(let identifier, let hashes):
      frame.append(number: identifier)
      frame.append(number: hashes.map { UInt32($0.count) } ?? UInt32.max)
      for hash in hashes ?? [] {
        frame.append(number: hash.low)
        frame.append(number: hash.high)
      }
    case .ping(let number), .pong(let number):
      frame.append(number: number)
    }
  }

  /// Reads the body of a frame that is not ``FrameKind/data``.
  package init(kind: FrameKind, body bytes: UnsafeRawBufferPointer) throws(ReplicationError) {
    var body = unsafe BodyReader(kind: kind, bytes: bytes)
    switch kind {
    case .hello: self = try Self.hello(from: &body)
    case .welcome: self = try Self.welcome(from: &body)
    case .refuse:
      let code = RefusalCode(rawValue: try body.number(UInt16.self)) ?? .closed
      self = .refuse(code, try body.text())
    case .acknowledge: self = .acknowledge(try body.sequence())
    case .hashQuery: self = try Self.hashQuery(from: &body)
    case .hashReply: self = try Self.hashReply(from: &body)
    case .ping: self = .ping(try body.number(UInt64.self))
    case .pong: self = .pong(try body.number(UInt64.self))
    case .data: throw .unexpected(.data)
    }
    try body.end()
  }

  private static func hello(from body: inout BodyReader) throws(ReplicationError) -> Self {
    guard try body.number(UInt64.self) == helloMagic else { throw .notAHello }
    let version = try body.number(UInt16.self)
    // A newer hello may be longer; its version is all that may be read of it.
    guard Self.readableVersions.contains(version) else { throw .unsupportedVersion(version) }
    return .hello(version: version, stream: StreamIdentifier(try body.text()))
  }

  private static func welcome(from body: inout BodyReader) throws(ReplicationError) -> Self {
    let durable = try body.sequence()
    let flags = try body.number(UInt32.self)
    guard flags & ~0xff03 == 0 else { throw .reservedBitsSet(.welcome) }
    return .welcome(
      StreamWelcome(
        durable: durable,
        isComplete: flags & 1 != 0,
        isAccepting: flags & 2 != 0,
        compressions: CompressionSet(rawValue: UInt8(flags >> 8))
      )
    )
  }

  private static func hashQuery(from body: inout BodyReader) throws(ReplicationError) -> Self {
    let identifier = try body.number(UInt64.self)
    let offset = try body.number(UInt64.self)
    let blockSize = try body.number(UInt32.self)
    let blockCount = try body.number(UInt32.self)
    let volume = try body.number(UInt16.self)
    let byteCount = UInt64(blockSize) * UInt64(blockCount)
    guard blockSize > 0, (1...UInt32(HashQuery.maximumBlockCount)).contains(blockCount),
      !offset.addingReportingOverflow(byteCount).overflow
    else { throw .malformed(.hashQuery) }
    return .hashQuery(
      HashQuery(
        identifier: identifier,
        volume: volume,
        offset: offset,
        blockSize: blockSize,
        blockCount: blockCount
      )
    )
  }

  private static func hashReply(from body: inout BodyReader) throws(ReplicationError) -> Self {
    let identifier = try body.number(UInt64.self)
    let count = try body.number(UInt32.self)
    if count == UInt32.max { return .hashReply(identifier: identifier, hashes: nil) }
    guard body.remaining == Int(count) * BlockHash.byteCount else { throw .malformed(.hashReply) }
    var hashes: [BlockHash] = []
    hashes.reserveCapacity(Int(count))
    for _ in 0..<count {
      let low = try body.number(UInt64.self)
      hashes.append(BlockHash(low: low, high: try body.number(UInt64.self)))
    }
    return .hashReply(identifier: identifier, hashes: hashes)
  }
}

/// Reads fields one after the other and never past the end.
@safe private struct BodyReader: ~Copyable {
  private let kind: FrameKind
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(kind: FrameKind, bytes: UnsafeRawBufferPointer) {
    self.kind = kind
    unsafe self.bytes = unsafe bytes
  }

  var remaining: Int { unsafe bytes.count - position }

  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type
  ) throws(ReplicationError) -> Number {
    let byteCount = MemoryLayout<Number>.size
    guard remaining >= byteCount else { throw .malformed(kind) }
    defer { position += byteCount }
    return unsafe Number(
      littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self)
    )
  }

  /// A record's number, or 0 for the one before the first.
  mutating func sequence() throws(ReplicationError) -> SequenceNumber {
    let sequence = SequenceNumber(try number(UInt64.self))
    guard sequence <= .last else { throw .malformed(kind) }
    return sequence
  }

  /// Text with its length in two bytes before it.
  ///
  /// What is not UTF-8 is shown as such.
  mutating func text() throws(ReplicationError) -> String {
    let byteCount = Int(try number(UInt16.self))
    guard remaining >= byteCount else { throw .malformed(kind) }
    defer { position += byteCount }
    return unsafe String(decoding: bytes[position..<position + byteCount], as: UTF8.self)
  }

  func end() throws(ReplicationError) {
    guard remaining == 0 else { throw .malformed(kind) }
  }
}

extension [UInt8] {
  fileprivate mutating func append<Number: FixedWidthInteger>(number: Number) {
    for byte in 0..<MemoryLayout<Number>.size {
      append(UInt8(truncatingIfNeeded: number >> (8 * byte)))
    }
  }

  /// Appends text of up to 1 KiB, its length before it; what is longer is cut.
  fileprivate mutating func append(text: String) {
    let bytes = text.utf8.prefix(1024)
    append(number: UInt16(bytes.count))
    append(contentsOf: bytes)
  }
}
