// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What one VM of a VPG used at both sites at one instant, for reports and bills.
///
/// Rates are averages since the sample before, as far as the site could measure; a value that
/// nobody could measure is nil.
package struct ResourceSample: Codable, Sendable, Equatable {
  package var time: WallTime
  package var vpg: VPGIdentifier
  package var vpgName: String
  package var vm: VMIdentifier
  package var vmName: String
  package var organisation: String?
  package var serviceProfile: String?
  package var protected = Protected()
  package var recovery = Recovery()
  /// Written by the guest, in bytes per second.
  package var throughput = 0.0
  /// Sent to the recovery site, in bytes per second.
  package var bandwidth = 0.0

  package init(
    time: WallTime,
    vpg: VPGIdentifier,
    vpgName: String,
    vm: VMIdentifier,
    vmName: String
  ) {
    self.time = time
    self.vpg = vpg
    self.vpgName = vpgName
    self.vm = vm
    self.vmName = vmName
  }

  /// The VM where it is protected.
  package struct Protected: Codable, Sendable, Equatable {
    package var siteName = ""
    package var hostName = ""
    package var applianceName = ""
    package var hardwareVersion = ""
    package var cpuCount = 0
    package var memoryInMB = 0
    package var cpuUsedInMHz: Int?
    /// Limits and what is kept for the VM alone; nil is none.
    package var cpuLimitInMHz: Int?
    package var memoryLimitInMB: Int?
    package var memoryReservedInMB: Int?
    /// What the guest uses of its memory.
    package var activeMemoryInMB: Int?
    /// What the VM's process takes of the host's.
    package var consumedMemoryInMB: Int?
    package var volumeCount = 0
    package var provisionedByteCount: UInt64 = 0
    package var usedByteCount: UInt64 = 0

    package init() {}
  }

  /// The VM's replicas and journal.
  package struct Recovery: Codable, Sendable, Equatable {
    package var siteName = ""
    package var hostName = ""
    package var applianceName = ""
    package var datastoreNames: [String] = []
    package var provisionedByteCount: UInt64 = 0
    package var usedByteCount: UInt64 = 0
    package var journalLimitByteCount: UInt64 = 0
    package var journalUsedByteCount: UInt64 = 0

    package init() {}
  }
}

/// Which samples are wanted: bounds are included, and `offset` counts samples that match.
package struct SampleQuery: Sendable {
  package var start: WallTime?
  package var end: WallTime?
  package var offset: Int
  package var limit: Int
  /// nil lets every sample pass, which is much faster.
  package var matches: (@Sendable (ResourceSample) -> Bool)?

  package init(
    start: WallTime? = nil,
    end: WallTime? = nil,
    offset: Int = 0,
    limit: Int,
    matches: (@Sendable (ResourceSample) -> Bool)? = nil
  ) {
    self.start = start
    self.end = end
    self.offset = offset
    self.limit = limit
    self.matches = matches
  }
}
