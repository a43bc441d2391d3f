// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a running VM takes of its host, as totals and levels at one instant.
package struct VMUsage: Codable, Sendable, Equatable {
  /// Processor time since the VM was started, of all its processors.
  package var cpuNanoseconds: UInt64
  /// The clock of one of the host's processors; 0 if the host does not say.
  package var hostMHz: Int
  /// What the guest says it uses; nil without a balloon driver in the guest.
  package var activeMemoryInMB: Int?
  /// Resident memory of the VM's process; nil if the hypervisor does not say.
  package var consumedMemoryInMB: Int?

  package init(
    cpuNanoseconds: UInt64,
    hostMHz: Int,
    activeMemoryInMB: Int?,
    consumedMemoryInMB: Int?
  ) {
    self.cpuNanoseconds = cpuNanoseconds
    self.hostMHz = hostMHz
    self.activeMemoryInMB = activeMemoryInMB
    self.consumedMemoryInMB = consumedMemoryInMB
  }
}
