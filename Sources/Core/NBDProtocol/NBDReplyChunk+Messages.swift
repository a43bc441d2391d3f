// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension NBDReplyChunk {
  /// Bytes before the data of a data chunk: its head and the offset.
  package static let dataHeadByteCount = encodedByteCount + 8
  /// The length of a whole error chunk without a message.
  package static let errorByteCount = encodedByteCount + 6
  /// The most extents told at once, by us; a client asks again for the rest.
  package static let extentLimit = 2048

  /// Writes what precedes the data of a read's only chunk.
  package static func encodeDataHead(
    cookie: UInt64,
    offset: UInt64,
    count: Int,
    into bytes: inout MutableRawSpan
  ) {
    NBDReplyChunk(.data, isLast: true, cookie: cookie, length: UInt32(count) + 8)
      .encode(into: &bytes)
    bytes.storeBigEndian(offset, at: encodedByteCount)
  }

  /// Writes a reply that is nothing but an error.
  package static func encodeError(
    _ error: NBDErrorCode,
    cookie: UInt64,
    into bytes: inout MutableRawSpan
  ) {
    NBDReplyChunk(.error, isLast: true, cookie: cookie, length: 6).encode(into: &bytes)
    bytes.storeBigEndian(error.rawValue, at: encodedByteCount)
    bytes.storeBigEndian(UInt16(0), at: encodedByteCount + 4)
  }

  /// The length of a whole status chunk.
  package static func statusByteCount(extentCount: Int) -> Int {
    encodedByteCount + 4 + 8 * extentCount
  }

  /// Writes a reply that is one context's extents, at most ``extentLimit``, none of 4 GiB or more.
  package static func encodeStatus(
    _ extents: some Collection<NBDExtent>,
    context: UInt32,
    cookie: UInt64,
    into bytes: inout MutableRawSpan
  ) {
    let length = UInt32(statusByteCount(extentCount: extents.count) - encodedByteCount)
    NBDReplyChunk(.blockStatus, isLast: true, cookie: cookie, length: length)
      .encode(into: &bytes)
    bytes.storeBigEndian(context, at: encodedByteCount)
    var position = encodedByteCount + 4
    for extent in extents {
      bytes.storeBigEndian(UInt32(extent.count), at: position)
      bytes.storeBigEndian(extent.flags, at: position + 4)
      position += 8
    }
  }
}
