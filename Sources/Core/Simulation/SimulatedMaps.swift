// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The maps of changes of one disk, oldest first, as the hypervisor keeps them: they outlive taps
/// and appliances, and end with the VM's process.
struct SimulatedMaps {
  private static let blockSize = SimulatedSync.blockSize

  private struct Bitmap {
    let map: ChangeMap
    var isRecording = true
    var blocks: Set<Int> = []
  }

  private let stream: StreamIdentifier
  private var bitmaps: [Bitmap] = []

  init(stream: StreamIdentifier) { self.stream = stream }

  var maps: [ChangeMap] { bitmaps.map(\.map) }

  /// The disk has a write.
  mutating func note(_ range: Range<Int>) {
    let blocks = range.lowerBound / Self.blockSize...(range.upperBound - 1) / Self.blockSize
    for index in bitmaps.indices where bitmaps[index].isRecording {
      bitmaps[index].blocks.formUnion(blocks)
    }
  }

  /// Begins a map after the newest, that tells of the first `known` bytes.
  private mutating func begin(floor: SequenceNumber, known: UInt64) {
    let map = ChangeMap(
      stream: stream,
      number: bitmaps.last.map { $0.map.number + 1 } ?? 0,
      floor: floor,
      byteCount: known
    )
    bitmaps.append(Bitmap(map: map))
  }

  /// Begins a map beside the oldest one, unless there is one that tells of as much; what others
  /// have noted is added to the oldest one.
  mutating func beginNewer(floor: SequenceNumber, known: UInt64?, size: Int) {
    if bitmaps.isEmpty { begin(floor: floor, known: UInt64(size)) }
    let told = min(known ?? UInt64(size), UInt64(size))
    if bitmaps.count > 1, bitmaps[bitmaps.count - 1].map.byteCount == told { return }
    begin(floor: floor, known: told)
    while bitmaps.count > 2 { bitmaps[0].blocks.formUnion(bitmaps.remove(at: 1).blocks) }
  }

  /// What there was to know is of no more use.
  mutating func restart(size: Int) {
    bitmaps = []
    begin(floor: SequenceNumber(0), known: UInt64(size))
  }

  mutating func dropOlder() { bitmaps.removeFirst(max(0, bitmaps.count - 1)) }

  /// Makes sure that writes are noted from now on.
  mutating func prepareForTap(size: Int) {
    if !bitmaps.contains(where: \.isRecording) { restart(size: size) }
  }

  /// Closes the maps into the oldest one, and begins a new one.
  ///
  /// - Returns: What a sync has to look at; nil if the maps do not cover all that may be missing.
  mutating func close(floor: SequenceNumber, size: Int) -> [Range<UInt64>]? {
    guard ChangeMap.cover(maps), bitmaps.contains(where: \.isRecording) else { return nil }
    let closed = bitmaps
    begin(floor: floor, known: UInt64(size))
    let blocks = closed.reduce(into: Set<Int>()) { $0.formUnion($1.blocks) }
    bitmaps = [
      Bitmap(map: closed[0].map, isRecording: false, blocks: blocks),
      bitmaps[bitmaps.count - 1],
    ]
    let known = min(closed.map { Int($0.map.byteCount) }.min() ?? 0, size)
    return Self.ranges(blocks, known: known, size: size)
  }

  /// The VM's process is over, and all that it knew.
  mutating func clear() { bitmaps = [] }

  /// The blocks among the first `known` bytes, and all that follows these, in whole blocks.
  private static func ranges(_ blocks: Set<Int>, known: Int, size: Int) -> [Range<UInt64>] {
    let end = (size + blockSize - 1) / blockSize
    let grown = known < size ? known / blockSize..<end : end..<end
    return Set(blocks.filter { $0 * blockSize < known }).union(grown).sorted()
      .map { UInt64($0 * blockSize)..<UInt64(min(($0 + 1) * blockSize, size)) }
  }
}
