// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The payloads of records that follow each other, given one after the other.
///
/// They lie end to end in one piece of memory or in several; no payload is in two pieces. Valid as
/// long as the pieces are.
@safe struct Payloads {
  private let pieces: [UnsafeRawBufferPointer]
  private var piece = 0
  private var position = 0

  init(_ pieces: [UnsafeRawBufferPointer]) { unsafe self.pieces = pieces }

  /// The payload of the next record; nil if there is not so much.
  mutating func next(_ record: StreamRecord) -> UnsafeRawBufferPointer? {
    let count = record.payloadByteCount
    guard count > 0 else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
    skipEmptyRest()
    guard unsafe piece < pieces.count && pieces[piece].count - position >= count else { return nil }
    defer { position += count }
    return unsafe UnsafeRawBufferPointer(rebasing: pieces[piece][position..<position + count])
  }

  /// The payload of a record that was found to have one before.
  mutating func take(_ record: StreamRecord) -> UnsafeRawBufferPointer {
    guard let payload = unsafe next(record) else { preconditionFailure("payloads were checked") }
    return unsafe payload
  }

  /// Whether nothing is left.
  var isEmpty: Bool {
    var rest = self
    rest.skipEmptyRest()
    return unsafe rest.piece == pieces.count
  }

  private mutating func skipEmptyRest() {
    while unsafe piece < pieces.count && position == pieces[piece].count {
      piece += 1
      position = 0
    }
  }
}

extension Sequence<StreamRecord> {
  /// Bytes of all payloads.
  var payloadByteCount: Int { reduce(0) { $0 + $1.payloadByteCount } }
}
