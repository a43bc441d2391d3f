// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@Suite struct SiteSettingsTests {
  @Test func `a tweak holds at once, is an event, and outlives the manager`() async throws {
    let sites = try await TwoSites()
    let london = sites.londonSite
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let target = TapTarget(vm: definition.vms[0].identifier)
      try await london.set(.tapSuspensionLimit, to: .init(value: 10, comment: "c"), user: "ann")
      await #expect(throws: SiteError.invalid("A tap can be suspended for 1 to 10 minutes.")) {
        try await london.suspendTaps(target, minutes: 11, user: "ann")
      }
      await #expect(throws: SiteError.self) {
        try await london.set(.tapSuspensionLimit, to: .init(value: 0, comment: ""), user: "ann")
      }
      try await london.set(.checkpointInterval, to: .init(value: 3600, comment: ""), user: "ann")
      let events = try await london.events(from: nil, to: nil, limit: 10)
      #expect(
        events.contains {
          $0.userName == "ann"
            && $0.description == "The tweak TapSuspensionLimitInMinutes was set to 10."
        }
      )
      try await london.reportUsage(user: "ann")
      let usage = try await london.events(from: nil, to: nil, limit: 1).first?.description
      #expect(usage?.hasPrefix("Usage: VMs protected: \(definition.vms.count) at london") == true)
    }
    let again = try await sites.londonAgain()
    let tweaks = await again.tweaks()
    #expect(tweaks[.tapSuspensionLimit] == .init(value: 10, comment: "c"))
    #expect(tweaks.value(of: .checkpointInterval) == 3600)
    try await again.set(.tapSuspensionLimit, to: nil, user: "ann")
    #expect(await again.tweaks().value(of: .tapSuspensionLimit) == 1440)
  }

  @Test func `tweaks that are set at the same time are all kept`() async throws {
    let sites = try await TwoSites()
    let site = sites.londonSite
    try await withThrowingTaskGroup(of: Void.self) { group in
      for tweak in Tweak.allCases {
        group.addTask {
          let value = tweak.range.upperBound
          try await site.set(tweak, to: .init(value: value, comment: ""), user: "ann")
        }
      }
      try await group.waitForAll()
    }
    let again = try await sites.londonAgain()
    for tweak in Tweak.allCases {
      #expect(await again.tweaks().value(of: tweak) == tweak.range.upperBound, "\(tweak)")
    }
  }
}
