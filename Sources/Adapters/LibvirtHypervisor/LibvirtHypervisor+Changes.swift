// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel

// Maps of changes are dirty bitmaps on the node that holds a disk's content. They are in QEMU's
// memory: they outlive taps, jobs and every process of ours, and end with QEMU or with the node.
// A bitmap's name is the map's and the node's: libvirt copies bitmaps along when it copies a disk,
// and such a copy is not believed.
//
// Every change goes in steps that leave the maps covering what they cover if it stops in between:
// a new one is begun before an old one is closed, and closed ones are merged before one is removed.

extension LibvirtHypervisor {
  package func changeMaps(
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) -> [VolumeIdentifier: [ChangeMap]] {
    try await run(with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { return [:] }
      let monitor = QEMUMonitor(domain: domain)
      let bitmaps = try monitor.bitmaps()
      var maps: [VolumeIdentifier: [ChangeMap]] = [:]
      for disk in try domain.description().disks {
        guard let alias = disk.alias, let node = try monitor.rootNode(ofDevice: alias) else {
          continue
        }
        maps[disk.volume] = bitmaps[node, default: []].ours(of: stream, on: node).map(\.map)
      }
      return maps
    }
  }

  package func beginChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier,
    floor: SequenceNumber,
    known: [VolumeIdentifier: UInt64]
  ) async throws(HypervisorError) {
    try await change(volumes, of: vm, stream) { changes, volume throws(HypervisorError) in
      if changes.maps.isEmpty { try changes.begin(floor: floor) }
      try changes.beginNewer(floor: floor, known: known[volume])
    }
  }

  package func restartChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) {
    try await change(volumes, of: vm, stream) { changes, _ throws(HypervisorError) in
      for map in changes.maps { try changes.remove(map) }
      try changes.begin(floor: SequenceNumber(0))
    }
  }

  package func dropOlderChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) {
    try await change(volumes, of: vm, stream) { changes, _ throws(HypervisorError) in
      for map in changes.maps.dropLast() { try changes.remove(map) }
    }
  }

  package func dropChangeMaps(
    of volume: VolumeIdentifier,
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) {
    try await run(with: vm) { domain throws(HypervisorError) in
      guard try domain.isActive else { return }
      let (disk, monitor) = try domain.runningDisk(volume, of: vm)
      let node = try domain.rootNode(of: disk, vm, monitor)
      for bitmap in try monitor.bitmaps()[node, default: []] where bitmap.map?.map.stream == stream
      {
        try monitor.removeBitmap(bitmap.name, from: node)
      }
    }
  }

  private func change(
    _ volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    _ stream: StreamIdentifier,
    _ body:
      @escaping @Sendable (inout DiskChanges, VolumeIdentifier) throws(HypervisorError) -> Void
  ) async throws(HypervisorError) {
    try await run(with: vm) { domain throws(HypervisorError) in
      for volume in volumes {
        var changes = try DiskChanges(of: volume, vm, domain, stream)
        try body(&changes, volume)
      }
    }
  }
}

/// The maps of changes of one stream on one disk, oldest first.
struct DiskChanges {
  let node: String
  private let stream: StreamIdentifier
  private let monitor: QEMUMonitor
  private var bitmaps: [(map: ChangeMap, isRecording: Bool)]

  init(
    of volume: VolumeIdentifier,
    _ vm: VMIdentifier,
    _ domain: LibvirtDomain,
    _ stream: StreamIdentifier
  ) throws(HypervisorError) {
    let (disk, monitor) = try domain.runningDisk(volume, of: vm)
    try self.init(node: domain.rootNode(of: disk, vm, monitor), monitor, stream)
  }

  init(
    node: String,
    _ monitor: QEMUMonitor,
    _ stream: StreamIdentifier
  ) throws(HypervisorError) {
    self.node = node
    self.stream = stream
    self.monitor = monitor
    bitmaps = try monitor.bitmaps()[node, default: []].ours(of: stream, on: node)
  }

  var maps: [ChangeMap] { bitmaps.map(\.map) }

  private func name(_ map: ChangeMap) -> String { "\(map.name)@\(node)" }

  /// Begins a map after the newest, that tells of the disk's first `known` bytes or of all of it.
  ///
  /// The disk's first one is a first one.
  mutating func begin(
    floor: SequenceNumber,
    known: UInt64? = nil
  ) throws(HypervisorError) {
    let number = bitmaps.last.map { $0.map.number + 1 } ?? 0
    let byteCount = try monitor.byteCount(ofNode: node)
    let map = ChangeMap(
      stream: stream,
      number: number,
      floor: floor,
      byteCount: min(known ?? byteCount, byteCount)
    )
    try monitor.run(
      "block-dirty-bitmap-add",
      ["node": node, "name": name(map), "granularity": 65536]
    )
    bitmaps.append((map, true))
  }

  /// Begins a map beside the oldest one, unless there is one that tells of as much; what others
  /// have noted is added to the oldest one.
  mutating func beginNewer(floor: SequenceNumber, known: UInt64?) throws(HypervisorError) {
    let between = bitmaps.dropFirst().map(\.map)
    let byteCount = try monitor.byteCount(ofNode: node)
    if let newest = between.last, newest.byteCount == min(known ?? byteCount, byteCount) { return }
    try begin(floor: floor, known: known)
    for map in between { try merge(map, into: bitmaps[0].map) }
  }

  private mutating func merge(
    _ map: ChangeMap,
    into target: ChangeMap
  ) throws(HypervisorError) {
    try monitor.run(
      "block-dirty-bitmap-merge",
      ["node": node, "target": name(target), "bitmaps": [name(map)]]
    )
    try remove(map)
  }

  mutating func remove(_ map: ChangeMap) throws(HypervisorError) {
    try monitor.removeBitmap(name(map), from: node)
    bitmaps.removeAll { $0.map == map }
  }

  /// The bitmaps' names.
  fileprivate var names: [String] { maps.map(name) }

  /// Makes sure that writes are noted from now on.
  fileprivate mutating func prepareForTap() throws(HypervisorError) {
    if bitmaps.contains(where: \.isRecording) { return }
    // Maps none of which records have missed writes: nothing is known any more.
    for map in maps { try remove(map) }
    try begin(floor: SequenceNumber(0))
  }

  /// Closes the maps into the oldest one, and begins a new one.
  ///
  /// - Returns: The closed one's bitmap and how much of the disk it knows; nil if the maps do not
  ///   cover all that may be missing.
  mutating func close(
    floor: SequenceNumber
  ) throws(HypervisorError) -> (bitmap: String, byteCount: UInt64)? {
    guard ChangeMap.cover(maps), bitmaps.contains(where: \.isRecording) else { return nil }
    let closed = bitmaps
    try begin(floor: floor)
    for bitmap in closed where bitmap.isRecording {
      try monitor.run(
        "block-dirty-bitmap-disable",
        ["node": node, "name": name(bitmap.map)]
      )
    }
    let target = closed[0].map
    for bitmap in closed.dropFirst() { try merge(bitmap.map, into: target) }
    return (name(target), closed.map(\.map.byteCount).min() ?? 0)
  }
}

extension QEMUMonitor {
  /// Makes sure that writes are noted for each of these streams, and that nothing else of ours is
  /// on the node.
  func prepareForTap(of streams: [StreamIdentifier], on node: String) throws(HypervisorError) {
    var known: Set<String> = []
    for stream in streams {
      var changes = try DiskChanges(node: node, self, stream)
      try changes.prepareForTap()
      known.formUnion(changes.names)
    }
    for bitmap in try bitmaps()[node, default: []]
    where bitmap.isOurs && !known.contains(bitmap.name) {
      try removeBitmap(bitmap.name, from: node)
    }
  }
}

extension QEMUMonitor {
  /// A node's dirty bitmap that has a name.
  struct Bitmap {
    let name: String
    let isRecording: Bool
    let isPersistent: Bool

    /// Whether its name is one that we give.
    var isOurs: Bool { map != nil }

    /// The map and the node it was made on.
    fileprivate var map: (map: ChangeMap, node: Substring)? {
      guard let end = name.lastIndex(of: "@"), let map = ChangeMap(name: String(name[..<end]))
      else { return nil }
      return (map, name[name.index(after: end)...])
    }
  }

  /// The named bitmaps, by node name.
  func bitmaps() throws(HypervisorError) -> [String: [Bitmap]] {
    struct Nameless: Decodable {
      let name: String?
      let recording: Bool
      let persistent: Bool
    }
    struct Node: Decodable {
      let name: String
      let bitmaps: [Nameless]?

      private enum CodingKeys: String, CodingKey {
        case name = "node-name"
        case bitmaps = "dirty-bitmaps"
      }
    }
    let nodes = try ask("query-named-block-nodes", ["flat": true], answer: [Node].self)
    let named = nodes.map { node in
      let bitmaps = (node.bitmaps ?? []).compactMap { bitmap in
        bitmap.name.map {
          Bitmap(name: $0, isRecording: bitmap.recording, isPersistent: bitmap.persistent)
        }
      }
      return (node.name, bitmaps)
    }
    return Dictionary(named) { first, _ in first }
  }

  func removeBitmap(_ name: String, from node: String) throws(HypervisorError) {
    try run("block-dirty-bitmap-remove", ["node": node, "name": name])
  }
}

extension [QEMUMonitor.Bitmap] {
  /// A stream's maps of the node these bitmaps are on, oldest first.
  fileprivate func ours(
    of stream: StreamIdentifier,
    on node: String
  ) -> [(map: ChangeMap, isRecording: Bool)] {
    compactMap { bitmap in
      guard let found = bitmap.map, found.node == node, found.map.stream == stream,
        !bitmap.isPersistent
      else { return nil }
      return (found.map, bitmap.isRecording)
    }.sorted { $0.map.number < $1.map.number }
  }
}
