// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What makes a qcow2 file, version 3, of clusters that lie in it one after the other from the
/// second one on: header, tables and reference counts.
///
/// After QEMU's `docs/interop/qcow2.txt`. All numbers in the file have their highest byte first.
struct OverlayTables {
  static let clusterBits = 16
  static let clusterByteCount: UInt64 = 1 << clusterBits
  /// Entries of 8 bytes in a cluster.
  private static let entryCount = clusterByteCount / 8
  /// Reference counts of 16 bits in a cluster.
  private static let countCount = clusterByteCount / 2
  /// Says that the cluster is referred to once, so that it may be written where it is.
  private static let copied: UInt64 = 1 << 63
  private static let headerByteCount = 104
  private static let longestBasePath = 1023

  /// The first cluster of the file.
  let header: [UInt8]
  /// What follows the clusters of data.
  let tables: [UInt8]

  /// Tables of an image.
  ///
  /// - Parameters:
  ///   - places: Which cluster of the file, counted from 1, holds which cluster of the disk.
  ///   - byteCount: The disk's.
  ///   - basePath: The file below, absolute.
  ///   - baseFormat: Its format, in QEMU's words.
  /// Returns nil if the path is too long for a header.
  init?(places: [UInt64: UInt64], byteCount: UInt64, basePath: String, baseFormat: String) {
    guard basePath.utf8.count <= Self.longestBasePath else { return nil }
    let groups = Dictionary(grouping: places.keys) { $0 / Self.entryCount }
    let numbers = groups.keys.sorted()
    let diskClusters = Self.clusters(byteCount)
    let firstLevelCount = max(1, (diskClusters + Self.entryCount - 1) / Self.entryCount)
    let firstLevelClusters = Self.clusters(firstLevelCount * 8)
    let secondLevel = 1 + UInt64(places.count)
    let firstLevel = secondLevel + UInt64(numbers.count)
    let counts = firstLevel + firstLevelClusters
    var (countClusters, countTableClusters, total): (UInt64, UInt64, UInt64) = (0, 1, counts)
    // Reference counts count the clusters they are in themselves.
    while countClusters * Self.countCount < total || countClusters == 0 {
      countClusters += 1
      countTableClusters = Self.clusters(countClusters * 8)
      total = counts + countClusters + countTableClusters
    }
    let countTable = counts + countClusters

    var tables = Words()
    for number in numbers {
      var entries = [UInt64](repeating: 0, count: Int(Self.entryCount))
      for cluster in groups[number] ?? [] {
        let place = (places[cluster] ?? 0) << Self.clusterBits
        entries[Int(cluster % Self.entryCount)] = place | Self.copied
      }
      for entry in entries { tables.add(entry) }
    }
    var entries = [UInt64](repeating: 0, count: Int(firstLevelCount))
    for (index, number) in numbers.enumerated() {
      entries[Int(number)] = (secondLevel + UInt64(index)) << Self.clusterBits | Self.copied
    }
    for entry in entries { tables.add(entry) }
    tables.fill(toMultipleOf: Self.clusterByteCount)
    for _ in 0..<total { tables.add(UInt16(1)) }
    tables.fill(toMultipleOf: Self.clusterByteCount)
    for index in 0..<countClusters { tables.add((counts + index) << Self.clusterBits) }
    tables.fill(toMultipleOf: Self.clusterByteCount)
    self.tables = tables.bytes

    let format = Array(baseFormat.utf8)
    let paddedFormat = (format.count + 7) / 8 * 8
    let nameOffset = Self.headerByteCount + 8 + paddedFormat + 8
    var header = Words()
    header.add(UInt32(0x5146_49FB))
    header.add(UInt32(3))
    header.add(UInt64(nameOffset))
    header.add(UInt32(basePath.utf8.count))
    header.add(UInt32(Self.clusterBits))
    header.add(byteCount)
    header.add(UInt32(0))
    header.add(UInt32(firstLevelCount))
    header.add(firstLevel << Self.clusterBits)
    header.add(countTable << Self.clusterBits)
    header.add(UInt32(countTableClusters))
    header.add(UInt32(0))
    header.add(UInt64(0))
    for _ in 0..<3 { header.add(UInt64(0)) }
    header.add(UInt32(4))
    header.add(UInt32(Self.headerByteCount))
    // The extension that names the format of the file below, and the one that ends the list.
    header.add(UInt32(0xE279_2ACA))
    header.add(UInt32(format.count))
    header.bytes += format
    header.fill(toMultipleOf: 8)
    header.add(UInt64(0))
    header.bytes += Array(basePath.utf8)
    header.fill(toMultipleOf: Self.clusterByteCount)
    self.header = header.bytes
  }

  private static func clusters(_ byteCount: UInt64) -> UInt64 {
    (byteCount + clusterByteCount - 1) / clusterByteCount
  }

  private struct Words {
    var bytes: [UInt8] = []

    mutating func add(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
    }

    mutating func fill(toMultipleOf count: UInt64) {
      let rest = bytes.count % Int(count)
      if rest > 0 { bytes += [UInt8](repeating: 0, count: Int(count) - rest) }
    }
  }
}
