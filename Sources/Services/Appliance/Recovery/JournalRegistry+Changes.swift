// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Journal
package import RecoveryModel

extension JournalRegistry {
  /// What was written of a stream's disks between two points.
  ///
  /// - Throws: 400 if they are in the wrong order, 409 or 404 if one cannot be recovered to.
  package func changes(
    of stream: StreamIdentifier,
    _ request: ChangesRequest
  ) throws -> ChangesReply {
    let keeper = try known(stream)
    let journal = try keeper.opened()
    guard request.first >= 0, request.limit >= 0 else {
      throw ControlFailure(status: 400, message: "a number of the request is negative")
    }
    do {
      let earlier = try journal.record(at: request.earlier)
      let later = try journal.record(at: request.later)
      guard earlier <= later else {
        throw ControlFailure(status: 400, message: "the first point is after the second")
      }
      let (before, after) = (journal.volumes(at: earlier), journal.volumes(at: later))
      let volumes = keeper.volumes
      return ChangesReply(
        volumes: try after.present.map { number in
          let ranges = try journal.changes(volume: number, after: earlier, through: later)
          return ChangesReply.Volume(
            identifier: volumes[number].identifier,
            target: volumes[number].target,
            byteCountBefore: before[number],
            byteCount: after[number],
            changedByteCount: ranges.reduce(0) { $0 + UInt64($1.count) },
            extentCount: ranges.count,
            extents: ranges.dropFirst(request.first).prefix(request.limit).map {
              ChangesReply.Extent(offset: $0.lowerBound, count: UInt64($0.count))
            }
          )
        }
      )
    } catch let error as JournalError { throw error.failure }
  }
}
