// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import NBDProtocol

/// What an export does with requests.
///
/// Every method is called on a connection's own thread and may block that connection, though not
/// for ever: ``NBDServer/stop()`` waits for it. Several connections may call at the same time. The
/// ranges lie within ``byteCount`` and are never empty.
package protocol NBDExport: AnyObject, Sendable {
  /// The size; what it is when a client connects holds for that connection.
  var byteCount: UInt64 { get }
  /// Whether writes, zeroes and trims are refused before they get here.
  var isReadOnly: Bool { get }
  /// Whether several clients may use the export at once, and a flush of one covers all.
  ///
  /// If not, a new client takes the place of the one before, which is cut.
  var canMultiConnect: Bool { get }
  /// Whether ``allocation(at:count:limit:)`` can be asked.
  var tellsAllocation: Bool { get }
  /// Longest payload taken in one request, in bytes, at least 4096.
  var maximumPayload: Int { get }

  /// Fills `buffer` with the content from `offset` on.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(NBDErrorCode)

  /// Room for a write's payload, exactly `count` bytes: the server receives straight into it, then
  /// calls ``commitWrite(at:count:)``, or ``abandonWrite()`` if the connection died. Always paired,
  /// on the same thread, with nothing of the same connection in between.
  func prepareWrite(at offset: UInt64, count: Int) -> UnsafeMutableRawBufferPointer
  /// The payload is in its room. The write is acknowledged when this returns.
  func commitWrite(at offset: UInt64, count: Int) throws(NBDErrorCode)
  /// The payload never came: the room is not used.
  func abandonWrite()

  /// What is a hole and what reads as zeroes, by the flags of ``NBDExtent``: at most `limit`
  /// extents from `offset` on, at least one, and none past `count` bytes.
  func allocation(
    at offset: UInt64,
    count: UInt32,
    limit: Int
  ) throws(NBDErrorCode) -> [NBDExtent]

  /// Must be quicker than a write of as many zeroes.
  func writeZeroes(at offset: UInt64, count: UInt32) throws(NBDErrorCode)
  func trim(at offset: UInt64, count: UInt32) throws(NBDErrorCode)
  /// Makes durable what was acknowledged on any connection; also called for a write with FUA.
  func flush() throws(NBDErrorCode)

  /// A client finished its handshake and may send requests.
  func connectionOpened()
  /// That client is gone; nothing more comes from it.
  func connectionClosed()
}

extension NBDExport {
  package var tellsAllocation: Bool { false }

  package func allocation(
    at offset: UInt64,
    count: UInt32,
    limit: Int
  ) throws(NBDErrorCode) -> [NBDExtent] {
    throw .notSupported
  }
}
