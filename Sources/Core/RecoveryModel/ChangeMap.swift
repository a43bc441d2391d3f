// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A standing note, kept by the hypervisor, of the blocks of a disk that were written since it was
/// begun: QEMU's dirty bitmap.
///
/// A disk has one or two of a stream's. What must hold: unless one of them is a first one, every
/// block of the part that all of them tell of, and that the recovery site does not have durably, is
/// noted in at least one of them. Everything to know about a map is in its name, so it lives and
/// dies with the map.
package struct ChangeMap: Hashable, Sendable {
  package let stream: StreamIdentifier
  /// 0 for the first one, begun with the tap, which knows nothing of what was before; then the
  /// numbers grow.
  package let number: Int
  /// What the recovery site had acknowledged when the map was begun.
  ///
  /// One that has less now has lost something the maps do not know of.
  package let floor: SequenceNumber
  /// How much of the disk, from its start, the map tells of.
  ///
  /// It knows nothing of what the disk grew by since it was begun, nor of what a sync had not yet
  /// compared then.
  package let byteCount: UInt64

  package init(
    stream: StreamIdentifier,
    number: Int,
    floor: SequenceNumber,
    byteCount: UInt64
  ) {
    self.stream = stream
    self.number = number
    self.floor = floor
    self.byteCount = byteCount
  }

  /// Reads a map's name; nil if it is none of ours.
  package init?(name: String) {
    let parts = name.split(separator: "-", maxSplits: 4, omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0] == "us", let number = Int(parts[1]), number >= 0,
      let floor = UInt64(parts[2]), let byteCount = UInt64(parts[3]), !parts[4].isEmpty
    else { return nil }
    self.init(
      stream: StreamIdentifier(String(parts[4])),
      number: number,
      floor: SequenceNumber(floor),
      byteCount: byteCount
    )
  }

  /// The map's name at the hypervisor: `us-`, number, floor, byte count, stream.
  package var name: String { "us-\(number)-\(floor.rawValue)-\(byteCount)-\(stream)" }

  /// Whether the map knows nothing of what was written before its tap.
  package var isFirst: Bool { number == 0 }

  /// Whether everything the recovery site may lack is noted in these maps of one disk.
  package static func cover(_ maps: [ChangeMap]) -> Bool {
    !maps.isEmpty && !maps.contains(where: \.isFirst)
  }
}
