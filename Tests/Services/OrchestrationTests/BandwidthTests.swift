// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import RecoveryModel
import Store
import Testing

@testable import Orchestration

@Suite(.timeLimit(.minutes(1)))
struct BandwidthKeeperTests {
  @Test func `an appliance learns the site's limit and what the store says anew`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let appliance = sites.londonAppliance
      let store = sites.londonSite.context.store
      for limit in [UInt64(5_000_000), 7_000_000] {
        let schedule = BandwidthSchedule(limit: limit)
        try await store.save(ReplicationSettings(bandwidth: schedule, compression: .zstd))
        try await eventually("told") {
          await appliance.bandwidth == BandwidthRequest(schedule: schedule, part: 1)
        }
        #expect(await sites.londonSite.localSite().bandwidthLimit == limit)
      }
    }
  }
}
