// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Foundation
internal import Journal
internal import RecoveryModel

extension JournalRegistry {
  /// Bytes of a disk as of a point, which nobody holds.
  ///
  /// - Throws: 400 if they are not on the disk or too many at once, 409 or 404 if the point cannot
  ///   be recovered to.
  package func read(_ request: PointReadRequest) throws -> PointReadReply {
    let keeper = try known(request.stream)
    let journal = try keeper.opened()
    do {
      let point = try journal.record(at: request.point)
      let sizes = journal.volumes(at: point)
      let volumes = keeper.volumes
      guard let number = sizes.present.first(where: { volumes[$0].identifier == request.volume })
      else {
        throw ControlFailure(status: 404, message: "there is no disk \(request.volume) then")
      }
      let end = request.offset.addingReportingOverflow(UInt64(clamping: request.count))
      guard (1...PointReadRequest.limit).contains(request.count), !end.overflow,
        end.partialValue <= sizes[number]
      else { throw ControlFailure(status: 400, message: "these bytes cannot be read at once") }
      let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: request.count,
        alignment: 4096
      )
      defer { buffer.deallocate() }
      try journal.read(volume: number, at: request.offset, into: buffer, asOf: point)
      return PointReadReply(bytes: Data(buffer))
    } catch let error as JournalError { throw error.failure }
  }
}
