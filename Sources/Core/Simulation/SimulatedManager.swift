// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// What a manager knows about a VM's syncs and maps of changes; a new one knows nothing.
struct SimulatedManager {
  /// What the stream's appliance said, which is old when it is acted on.
  struct Seen {
    let facts: ChangeMapRotation.Facts
    /// How far each disk, by its number, is compared.
    let compared: [Int: UInt64]
    let at: Duration
  }

  /// A sync that is being started.
  enum Start {
    /// The maps are first ones again.
    case whole(process: Int)
    /// The stream keeps all writes, and the maps of its disks are closed one by one.
    case byMaps(Closing)
  }

  struct Closing {
    let process: Int
    let generation: UInt64
    /// What the appliance had said was acknowledged.
    let floor: SequenceNumber
    var ranges: [[Range<UInt64>]] = []
  }

  var rotation = ChangeMapRotation()
  var seen: Seen?
  var start: Start?
  /// When the newest maps were begun, by both clocks of the world.
  var begun: (at: Duration, event: Int)?
}
