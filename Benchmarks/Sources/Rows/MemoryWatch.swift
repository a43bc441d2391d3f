// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// The most memory appliances have had, looked at five times a second.
final class MemoryWatch: Sendable {
  private let appliances: [ApplianceProcess]
  private let peaks: Mutex<[UInt64]>

  init(_ appliances: [ApplianceProcess]) {
    self.appliances = appliances
    peaks = Mutex(appliances.map { _ in 0 })
  }

  /// Looks while `body` runs.
  func during<Result>(_ body: () async throws -> Result) async rethrows -> Result {
    // Cancelled when `body` is through.
    async let _: Void = watch()
    return try await body()
  }

  private func watch() async throws {
    while true {
      try look()
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  private func look() throws {
    let sizes = try appliances.map { try $0.memoryByteCount }
    peaks.withLock { peaks in
      for (index, size) in sizes.enumerated() { peaks[index] = max(peaks[index], size) }
    }
  }

  /// The protecting appliance's row, and the recovering one's, whose journal has so many extents.
  func rows(extentCount: Int) throws -> [Row] {
    try look()
    let sizes = peaks.withLock { $0.map { Double($0) / Double(1 << 20) } }
    return [
      Row(
        "memory-protected",
        ours: sizes[0],
        unit: "MiB",
        atMost: ApplianceProcess.memoryBound(
          bufferInMB: ApplianceProcess.bufferInMB,
          extentCount: 0
        )
      ),
      Row(
        "memory-recovery",
        ours: sizes[1],
        unit: "MiB",
        atMost: ApplianceProcess.memoryBound(bufferInMB: 0, extentCount: extentCount)
      ),
    ]
  }
}
