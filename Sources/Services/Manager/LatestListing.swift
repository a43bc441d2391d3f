// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization
internal import ZVRAPI

/// The latest long listing that was answered, put together: it has megabytes, which need not be
/// copied for the next one if that has the very same texts.
final class LatestListing: Sendable {
  /// Bytes from which on it is worth the room.
  private static let minimum = 1 << 16

  private let latest = Mutex<(texts: ItemTexts, whole: ByteBuffer)?>(nil)

  func text(_ texts: ItemTexts) -> ByteBuffer {
    if let latest = latest.withLock(\.self), latest.texts === texts { return latest.whole }
    let whole = ByteBuffer(joining: texts.pieces)
    if whole.readableBytes >= Self.minimum { latest.withLock { $0 = (texts, whole) } }
    return whole
  }
}

extension ByteBuffer {
  init(joining pieces: [[UInt8]]) {
    self.init()
    reserveCapacity(pieces.reduce(0) { $0 + $1.count })
    for piece in pieces { writeBytes(piece) }
  }
}
