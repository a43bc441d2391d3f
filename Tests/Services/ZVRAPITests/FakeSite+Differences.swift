// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel

/// A disk with three extents between any two points.
extension FakeSite {
  func changes(
    of vm: VMIdentifier,
    in vpg: VPGIdentifier,
    from earlier: CheckpointIdentifier,
    to later: CheckpointIdentifier,
    first: Int,
    limit: Int
  ) throws(SiteError) -> ChangesReply {
    let extents = [(0, 4096), (65_536, 512), (1 << 33, 100)].map {
      ChangesReply.Extent(offset: $0.0, count: $0.1)
    }
    return ChangesReply(
      volumes: [
        ChangesReply.Volume(
          identifier: VolumeIdentifier("scsi:0:0"),
          target: "vda",
          byteCountBefore: 1 << 33,
          byteCount: 1 << 34,
          changedByteCount: 4708,
          extentCount: 3,
          extents: Array(extents.dropFirst(first).prefix(limit))
        )
      ]
    )
  }
}
