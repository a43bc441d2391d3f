// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Journal
internal import Logging
internal import NBDProtocol
internal import NBDTransport
internal import RecoveryModel

/// One volume as of one record of its journal, read only.
///
/// Somebody holds the point for as long as the export is there.
final class PointInTimeExport: NBDExport {
  let byteCount: UInt64
  let isReadOnly = true
  let canMultiConnect = true
  let tellsAllocation = true
  let maximumPayload = 4 << 20

  /// Bytes told of at once; a client asks again for the rest.
  private static let longestStatus: UInt64 = 1 << 30

  private let disk: PointInTimeDisk
  private let logger: Logger

  init(_ disk: PointInTimeDisk, logger: Logger) {
    self.disk = disk
    self.logger = logger
    byteCount = disk.byteCount
  }

  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(NBDErrorCode) {
    do {
      try disk.read(at: offset, into: buffer)
    } catch {
      logger.error("a recovered disk cannot be read: \(error.words)")
      throw .inputOutput
    }
  }

  func allocation(
    at offset: UInt64,
    count: UInt32,
    limit: Int
  ) throws(NBDErrorCode) -> [NBDExtent] {
    do {
      let extents = try disk.extents(
        at: offset,
        count: min(UInt64(count), Self.longestStatus),
        limit: limit
      )
      return extents.map {
        NBDExtent(count: $0.count, flags: $0.isZero ? NBDExtent.hole | NBDExtent.zero : 0)
      }
    } catch {
      logger.error("a recovered disk cannot be mapped: \(error.words)")
      throw .inputOutput
    }
  }

  func prepareWrite(at offset: UInt64, count: Int) -> UnsafeMutableRawBufferPointer {
    preconditionFailure("the export is read only")
  }

  func commitWrite(at offset: UInt64, count: Int) throws(NBDErrorCode) { throw .notPermitted }
  func abandonWrite() {}
  func writeZeroes(at offset: UInt64, count: UInt32) throws(NBDErrorCode) { throw .notPermitted }
  func trim(at offset: UInt64, count: UInt32) throws(NBDErrorCode) { throw .notPermitted }
  func flush() throws(NBDErrorCode) {}
  func connectionOpened() {}
  func connectionClosed() {}
}
