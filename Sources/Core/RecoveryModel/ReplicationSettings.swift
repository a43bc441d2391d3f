// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// How a site's streams use the line by which they leave it.
package struct ReplicationSettings: Codable, Hashable, Sendable {
  /// What they may take of it, all together.
  package var bandwidth: BandwidthSchedule
  /// What those VPGs compress with that compress at all.
  ///
  /// It is the site's and not a VPG's because it depends on the line: Zstandard pays where the line
  /// is slower than the work.
  package var compression: PayloadCompression

  package init(
    bandwidth: BandwidthSchedule = BandwidthSchedule(),
    compression: PayloadCompression = .lz4
  ) {
    self.bandwidth = bandwidth
    self.compression = compression
  }
}
