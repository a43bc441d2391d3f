// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import Orchestration
import RecoveryModel
import Testing

/// A failover test of two VMs, which is stopped for one of them, then for the other.
@Suite struct TestStopTests {
  @Test func `a test is stopped for one VM, goes on for the other, and its report says so`()
    async throws
  {
    try await withTestOfTwo { sites, vpg, web, db in
      let paris = sites.parisSite
      // Asked for at the other site.
      try await stop(
        .failoverTestLeave(vms: [web], succeeded: false, summary: "no page"),
        vpg,
        at: sites.londonSite,
        of: sites
      )
      let left = await sites.parisHypervisor.shown.virtualMachines
      #expect(left.map(\.name) == ["db1 - testing recovery"] && left.map(\.power) == [.running])
      #expect(await sites.parisAppliance.exports().count == 1)
      let view = try await paris.vpg(vpg)
      #expect(view.testStage == "Running" && view.status == .meetingSLA)
      #expect(try await paris.recoveryReports(from: nil, to: nil).isEmpty)
      #expect(
        try await paris.events(from: nil, to: nil, limit: 100).contains {
          $0.description.contains("was stopped for web1, and goes on")
        }
      )

      try await stop(
        .failoverTestLeave(vms: [db], succeeded: true, summary: "answers"),
        vpg,
        at: paris,
        of: sites
      )
      #expect(await sites.parisHypervisor.shown.virtualMachines.isEmpty)
      #expect(await sites.parisAppliance.exports().isEmpty)
      let report = try #require(try await paris.recoveryReports(from: nil, to: nil).first)
      #expect(report.failure == "The test was marked as failed.")
      #expect(report.notes == "web1: no page\ndb1: answers")
      #expect(
        report.requests?.map(\.description) == [
          "Begin a failover test", "Stop the failover test of web1",
          "Stop the failover test of db1",
        ]
      )
      #expect(
        report.verifications?.suffix(2).map(\.finding) == [
          "ann called it a failure: no page", "ann called it a success: answers",
        ]
      )
      #expect(report.verifications?.suffix(2).map(\.subject) == ["web1", "db1"])
      // Each is gone when it was stopped, and only then.
      let removals = report.steps.filter { $0.description.hasPrefix("Remove") }
      #expect(removals.map(\.description) == ["Remove web1", "Remove db1"])
      let times = try #require(report.requests?.map(\.time))
      #expect(removals[0].began >= times[1] && removals[0].ended <= times[2])
      #expect(try await paris.vpg(vpg).testStage == nil)
    }
  }

  @Test func `stopping a test for a VM that is not in it is refused, and changes nothing`()
    async throws
  {
    try await withTestOfTwo { sites, vpg, web, db in
      let paris = sites.parisSite
      await #expect(throws: SiteError.notFound("The failover test of the VPG web has no VM other."))
      {
        _ = try await paris.perform(
          .failoverTestLeave(vms: [web, VMIdentifier("other")], succeeded: true, summary: ""),
          on: vpg,
          user: "ann"
        )
      }
      #expect(await sites.parisHypervisor.shown.virtualMachines.count == 2)
      try await stop(
        .failoverTestLeave(vms: [web], succeeded: true, summary: ""),
        vpg,
        at: paris,
        of: sites
      )
      let again = VPGOperation.failoverTestLeave(vms: [web], succeeded: true, summary: "")
      await #expect(
        throws: SiteError.conflict("The failover test of the VPG web was stopped for web1 before.")
      ) { _ = try await paris.perform(again, on: vpg, user: "ann") }
      try await stop(.failoverTestStop(succeeded: true, summary: ""), vpg, at: paris, of: sites)
      await #expect(throws: SiteError.conflict("The VPG web has no failover test running.")) {
        _ = try await paris.perform(again, on: vpg, user: "ann")
      }
      #expect(try await paris.recoveryReports(from: nil, to: nil).first?.failure == "")
    }
  }

  private func stop(
    _ operation: VPGOperation,
    _ vpg: VPGIdentifier,
    at site: Site,
    of sites: TwoSites
  ) async throws {
    let task = try await site.perform(operation, on: vpg, user: "ann")
    try await sites.finished(task, at: site)
  }

  private func withTestOfTwo(
    _ body:
      @escaping @Sendable (
        TwoSites, VPGIdentifier, _ web: VMIdentifier, _ db: VMIdentifier
      ) async throws -> Void
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let db = await sites.londonHypervisor.add("db1", disks: 1)
      let more = sites.definition(db).vms
      let definition = try await sites.protectedVPG { $0.vms += more }
      let begin = try await sites.parisSite.perform(
        .failoverTest(.init()),
        on: definition.identifier,
        user: "ann"
      )
      try await sites.finished(begin, at: sites.parisSite)
      #expect(await sites.parisHypervisor.shown.virtualMachines.count == 2)
      try await body(sites, definition.identifier, definition.vms[0].identifier, db)
    }
  }
}
