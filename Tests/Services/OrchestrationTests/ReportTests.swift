// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import Orchestration
import RecoveryModel
import Testing

@Suite struct ReportTests {
  @Test func `a failover test leaves a report of who, when, which point and every step`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG()
      let begin = try await sites.parisSite.perform(
        .failoverTest(.init(checkpoint: nil, vms: [])),
        on: vpg.identifier,
        user: "ann"
      )
      try await sites.finished(begin, at: sites.parisSite)
      #expect(try await sites.parisSite.recoveryReports(from: nil, to: nil).isEmpty)
      let stop = try await sites.parisSite.perform(
        .failoverTestStop(succeeded: true, summary: "all well"),
        on: vpg.identifier,
        user: "bob"
      )
      try await sites.finished(stop, at: sites.parisSite)

      let report = try #require(
        try await sites.parisSite.recoveryReports(from: nil, to: nil).first
      )
      #expect(report.kind == .failoverTest)
      #expect(report.user == "ann")
      #expect(report.notes == "all well")
      #expect(report.failure.isEmpty)
      #expect(report.vpgName == "web")
      #expect(report.protectedSiteName == "london")
      let rto = try #require(report.rtoInSeconds)
      #expect(rto >= 0 && rto < 60)
      #expect(report.steps.map(\.description).contains("Start web1"))
      #expect(report.steps.last?.description == "Close the disks of web1")
      #expect(report.steps.allSatisfy { $0.began <= $0.ended && $0.failure.isEmpty })
      #expect(report.machines.first?.volumes.count == 2)
      let checkpoints = try await sites.parisSite.checkpoints(
        of: vpg.identifier,
        from: nil,
        to: nil
      )
      #expect(checkpoints.contains(report.checkpoint))
      #expect(try await sites.parisSite.recoveryReport(report.identifier) == report)

      let age = try #require(report.rpoInSeconds)
      #expect(age == max(0, report.began.seconds(since: report.checkpoint.time)))
      let requests = try #require(report.requests)
      #expect(requests.map(\.user) == ["ann", "bob"])
      #expect(
        requests.map(\.description) == ["Begin a failover test", "Stop the failover test"]
      )
      let verifications = try #require(report.verifications)
      #expect(verifications.map(\.subject) == ["web1", "web1", "The test as a whole"])
      #expect(verifications.last?.finding == "bob called it a success: all well")
      #expect(verifications.allSatisfy { $0.hasPassed })
    }
  }

  @Test func `a move that lost nothing says why, and who decided`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      let begin = try await sites.parisSite.perform(
        .move(.init(commitPolicy: .none)),
        on: vpg,
        user: "ann"
      )
      try await sites.finished(begin, at: sites.parisSite)
      let end = try await sites.parisSite.perform(.moveRollback, on: vpg, user: "bob")
      try await sites.finished(end, at: sites.parisSite)
      let report = try #require(
        try await sites.parisSite.recoveryReports(from: nil, to: nil).first
      )
      #expect(report.rpoInSeconds == 0)
      #expect(report.requests?.map(\.description) == ["Begin a move", "Roll the move back"])
      #expect(report.verifications?.first?.subject == "All VMs of the VPG")
    }
  }

  @Test func `a test that a person marks as failed is a failure`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      let begin = try await sites.londonSite.perform(
        .failoverTest(.init(checkpoint: nil, vms: [])),
        on: vpg,
        user: "ann"
      )
      try await sites.finished(begin, at: sites.londonSite)
      let stop = try await sites.londonSite.perform(
        .failoverTestStop(succeeded: false, summary: ""),
        on: vpg,
        user: "ann"
      )
      try await sites.finished(stop, at: sites.londonSite)
      let report = try await sites.parisSite.recoveryReports(from: nil, to: nil).first
      #expect(report?.failure.isEmpty == false)
    }
  }

  @Test func `a sample has what both sites measured`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0]
      var usage = VMUsage(
        cpuNanoseconds: 5_000_000_000,
        hostMHz: 2000,
        activeMemoryInMB: 100,
        consumedMemoryInMB: 150
      )
      // A minute from now, so that the site's own measuring is not later.
      let start = ContinuousClock.now + .seconds(60)
      await sites.londonHypervisor.setUsage(usage, of: vm.identifier)
      await sites.londonHypervisor.setLimits(
        VMLimits(cpuInMHz: 1500, memoryInMB: 512, reservedMemoryInMB: 192),
        of: vm.identifier
      )
      await sites.londonSite.meter.measure(at: start)
      // The recovery site looks at what there is now and then.
      let seen = try await sites.londonHypervisor.inventory()
      await sites.parisSite.context.peers.note(seen, from: TwoSites.london)
      // Half a processor for ten seconds.
      usage.cpuNanoseconds += 5_000_000_000
      await sites.londonHypervisor.setUsage(usage, of: vm.identifier)
      await sites.londonSite.meter.measure(at: start + .seconds(10))
      try await eventually("the recovery site knows") {
        try await sites.parisSite.sampler.sample()
        return try await sites.parisSite.resourceSamples(SampleQuery(limit: 1000)).last?
          .protected.cpuUsedInMHz == 1000
      }
      let sample = try #require(
        try await sites.parisSite.resourceSamples(SampleQuery(limit: 1000)).last
      )
      #expect(sample.vpgName == "web" && sample.vmName == "web1")
      #expect(sample.protected.consumedMemoryInMB == 150)
      #expect(sample.protected.cpuLimitInMHz == 1500)
      #expect(sample.protected.memoryLimitInMB == 512)
      #expect(sample.protected.memoryReservedInMB == 192)
      #expect(sample.protected.applianceName == "vra-london")
      #expect(sample.protected.provisionedByteCount == 2 << 26)
      #expect(sample.recovery.siteName == "paris")
      #expect(sample.recovery.applianceName == "vra-paris")
      #expect(sample.recovery.journalUsedByteCount == 1)
      #expect(sample.recovery.journalLimitByteCount == 153_600 << 20)
      #expect(try await sites.londonSite.resourceSamples(SampleQuery(limit: 1)).isEmpty)
    }
  }

  @Test func `a VM that was started anew is measured anew`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vm = try await sites.protectedVPG().vms[0].identifier
      var usage = VMUsage(
        cpuNanoseconds: 9_000_000_000,
        hostMHz: 2000,
        activeMemoryInMB: nil,
        consumedMemoryInMB: nil
      )
      let start = ContinuousClock.now + .seconds(60)
      await sites.londonHypervisor.setUsage(usage, of: vm)
      await sites.londonSite.meter.measure(at: start)
      usage.cpuNanoseconds = 1
      await sites.londonHypervisor.setUsage(usage, of: vm)
      await sites.londonSite.meter.measure(at: start + .seconds(10))
      let reading = try #require(await sites.londonSite.meter.readings[vm])
      #expect(reading.cpuUsedInMHz == nil)
      await sites.londonHypervisor.setUsage(nil, of: vm)
      await sites.londonSite.meter.measure(at: start + .seconds(20))
      #expect(await sites.londonSite.meter.readings[vm] == nil)
    }
  }
}
