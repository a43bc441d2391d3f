// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import NBDProtocol

extension NBDClient {
  /// Bytes asked about with one request; servers answer about less if it is too much for them.
  private static let statusByteCount: UInt64 = 1 << 30

  /// What a granted context says about `count` bytes from `offset` on, neighbours joined.
  ///
  /// The extents cover exactly the range asked for, which must lie within the export and on blocks.
  ///
  /// - Throws: ``NBDTransportError``, like ``read(at:into:)``; ``NBDErrorCode/notSupported`` as
  ///   refusal if the context was not granted.
  package func extents(
    of context: String,
    at offset: UInt64,
    count: UInt64
  ) throws -> [NBDExtent] {
    guard let identifier = identifier(ofContext: context) else {
      throw NBDTransportError.refused(.notSupported)
    }
    var result: [NBDExtent] = []
    var covered: UInt64 = 0
    while covered < count {
      let asked = min(count - covered, Self.statusByteCount)
      let cookie = try send(.blockStatus, at: offset + covered, count: UInt32(asked))
      let reply = try finish(cookie)
      if let error = reply.error { throw NBDTransportError.refused(error) }
      guard let extents = reply.extents[identifier] else {
        close()
        throw NBDTransportError.protocolViolation
      }
      for extent in extents where covered < count {
        // The last one may tell of more than was asked.
        let kept = min(extent.count, count - covered)
        covered += kept
        if result.last?.flags == extent.flags {
          result[result.count - 1].count += kept
        } else {
          result.append(NBDExtent(count: kept, flags: extent.flags))
        }
      }
    }
    return result
  }
}
