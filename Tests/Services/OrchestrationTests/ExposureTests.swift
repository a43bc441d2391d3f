// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import Orchestration

@Suite struct ExposureTests {
  @Test func `both sites say which writes would be lost`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      await sites.londonAppliance.setMissing(writes: 3)
      for site in [sites.londonSite, sites.parisSite] {
        try await eventually("three writes are missing") {
          try await site.exposure(of: vpg).loss?.writeCount == 3
        }
        let exposure = try await site.exposure(of: vpg)
        #expect(exposure.loss?.byteCount == 3 * 4096)
        #expect(exposure.loss?.oldestInMilliseconds == 100)
        #expect(exposure.latestCheckpoint != nil)
      }
    }
  }

  @Test func `what cannot be said is not given as a number`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      await sites.londonAppliance.setHanging(true)
      try await eventually("unknown") {
        try await sites.londonSite.exposure(of: vpg).loss == nil
      }
      await sites.londonAppliance.setHanging(false)
      try await eventually("known again") {
        try await sites.londonSite.exposure(of: vpg).loss != nil
      }
    }
  }

  @Test func `the losses of VMs add up only if all are known`() {
    let one = VPGExposure.Loss(writeCount: 2, byteCount: 8192, oldestInMilliseconds: 40)
    let other = VPGExposure.Loss(writeCount: 1, byteCount: 512, oldestInMilliseconds: 90)
    var exposure = VPGExposure(
      vpg: .init("v"),
      name: "v",
      vms: [
        .init(identifier: .init("a"), name: "a", loss: one),
        .init(identifier: .init("b"), name: "b", loss: other),
      ],
      latestCheckpoint: nil
    )
    #expect(
      exposure.loss == .init(writeCount: 3, byteCount: 8704, oldestInMilliseconds: 90)
    )
    exposure.vms[1].loss = nil
    #expect(exposure.loss == nil)
  }
}
