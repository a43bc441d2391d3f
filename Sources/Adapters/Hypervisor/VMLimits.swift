// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a VM may take of its host at most, and what the host keeps for it; nil where nobody said.
package struct VMLimits: Codable, Sendable, Equatable {
  /// Of all its processors together, by the host's clock.
  package var cpuInMHz: Int?
  package var memoryInMB: Int?
  /// Memory that nobody else gets.
  package var reservedMemoryInMB: Int?

  package init(cpuInMHz: Int? = nil, memoryInMB: Int? = nil, reservedMemoryInMB: Int? = nil) {
    self.cpuInMHz = cpuInMHz
    self.memoryInMB = memoryInMB
    self.reservedMemoryInMB = reservedMemoryInMB
  }
}
