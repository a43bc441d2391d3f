// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Store
import Testing

/// A failover whose protected site does not answer, or answers late.
@Suite struct SilentSourceTests {
  @Test func `that the protected VMs were not shut down is said by task, step and report`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let (vpg, paris) = (try await sites.protectedVPG().identifier, sites.parisSite)
      sites.switchboard.setCut(true)
      let task = try await sites.perform(
        .failover(.init(shutdownPolicy: .forceShutdown)),
        on: vpg
      )
      let words = "The recovery goes on without the protected site, whose VMs may run: "
      #expect(task.completeReason.hasPrefix(words))
      _ = try await sites.perform(.failoverRollback, on: vpg)
      let untold = "The protected site does not know yet that it is to start its VMs again: "
      #expect(
        try await paris.events(from: nil, to: nil, limit: 1000)
          .contains { $0.description.hasPrefix(untold) }
      )
      let report = try #require(try await paris.recoveryReports(from: nil, to: nil).first)
      let step = report.steps.first { $0.description == "Stand the protected VMs down" }
      #expect(step?.failure.hasPrefix(words) == true)
      let verification = report.verifications?.first { $0.subject == "The protected VMs" }
      #expect(verification?.hasPassed == false)
    }
  }

  @Test func `what was said before a rollback does not take the VPG out of protection again`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let (vpg, london) = (try await sites.protectedVPG().identifier, sites.londonSite)
      let (board, site) = (sites.switchboard, london.context.site)
      _ = try await sites.perform(
        .failover(.init(shutdownPolicy: .forceShutdown)),
        on: vpg
      )
      board.setHeld(true, for: site)
      try await eventually("london has looked, and waits") { board.isWaiting(site) }
      _ = try await sites.perform(.failoverRollback, on: vpg)
      board.setHeld(false, for: site)
      let count = board.lookCount(of: site)
      // After three looks without a failover a VPG that was taken out would come back.
      try await eventually("it has looked on") { board.lookCount(of: site) > count + 5 }
      let events = try await london.events(from: nil, to: nil, limit: 1000)
      #expect(events.count { $0.description == "The VPG web is protected again." } == 1)
    }
  }
}
