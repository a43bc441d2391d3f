// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import RecoveryModel
import Testing

@testable import Orchestration

/// What a recovery does inside the guests it started.
@Suite struct RecoveredGuestTests {
  /// A VPG of two VMs in two boot groups.
  private func twoGroups(_ sites: TwoSites) async throws -> VPGDefinition {
    try await sites.pair()
    let vms = [
      await sites.londonHypervisor.add("db1", disks: 1),
      await sites.londonHypervisor.add("web1", disks: 1),
    ]
    var wish = sites.definition(vms[0])
    wish.vms += sites.definition(vms[1]).vms
    wish.bootGroups = [
      .init(identifier: "db", name: "Databases", delayInSeconds: 0),
      .init(identifier: "web", name: "Web", delayInSeconds: 0),
    ]
    wish.networks.failoverTest = sites.parisHypervisor.network
    for (index, group) in ["db", "web"].enumerated() { wish.vms[index].bootGroup = group }
    let task = try await sites.londonSite.create(wish, user: "ann")
    try await sites.finished(task, at: sites.londonSite)
    try await eventually("the VPG meets its SLA") {
      try await sites.londonSite.vpg(wish.identifier).status == .meetingSLA
    }
    return wish
  }

  private func test(_ sites: TwoSites, _ vpg: VPGIdentifier) async throws -> TaskIdentifier {
    try await sites.parisSite.perform(.failoverTest(.init()), on: vpg, user: "ann")
  }

  @Test func `a test can be of some VMs, and a failover of all by their names is one of all`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await twoGroups(sites)
      let (vpg, web) = (definition.identifier, definition.vms[1].identifier)
      let test = VPGOperation.FailoverTest(vms: [web])
      let task = try await sites.parisSite.perform(.failoverTest(test), on: vpg, user: "ann")
      try await sites.finished(task, at: sites.parisSite)
      #expect(await sites.parisHypervisor.recovered.map(\.name) == ["web1 - testing recovery"])
      #expect(await sites.parisAppliance.exports().count == 1)
      let stop = VPGOperation.failoverTestStop(succeeded: true, summary: "")
      try await sites.finished(
        try await sites.parisSite.perform(stop, on: vpg, user: "ann"),
        at: sites.parisSite
      )
      #expect(await sites.parisAppliance.exports().isEmpty)
      #expect(try await sites.londonSite.vpg(vpg).status == .meetingSLA)
      #expect(await sites.parisAppliance.exports().isEmpty)
      // All of them by name are all of them.
      let all = VPGOperation.Failover(vms: definition.vms.map(\.identifier))
      let failover = try await sites.parisSite.perform(.failover(all), on: vpg, user: "ann")
      try await sites.finished(failover, at: sites.parisSite)
      #expect(try await sites.parisSite.vpgs { _ in true }.count == 1)
    }
  }

  @Test func `a boot group is started when the guests of the one before have come up`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await twoGroups(sites).identifier
      let hypervisor = sites.parisHypervisor
      await hypervisor.setRecoveredGuestsAnswer(false)
      let task = try await test(sites, vpg)
      try await eventually("asked") { await hypervisor.agentAnswers > 3 }
      #expect(await hypervisor.recovered.map(\.name) == ["db1 - testing recovery"])
      await hypervisor.setRecoveredGuestsAnswer(true)
      let record = try await sites.finished(task, at: sites.parisSite)
      #expect(record.completeReason.isEmpty)
      #expect(await hypervisor.recovered.count == 2)
    }
  }

  @Test func `a guest that never comes up holds the next group up for a while, and it is said`()
    async throws
  {
    let sites = try await TwoSites(guestBootInSeconds: 1)
    try await sites.run {
      let vpg = try await twoGroups(sites).identifier
      await sites.parisHypervisor.setRecoveredGuestsAnswer(false)
      let record = try await sites.finished(try await test(sites, vpg), at: sites.parisSite)
      #expect(await sites.parisHypervisor.recovered.count == 2)
      #expect(record.completeReason.contains("within 1 seconds in db1"))
      let waiting = try await findings(sites, vpg).first { $0.subject == "db1" && !$0.hasPassed }
      #expect(waiting?.finding.contains("No guest agent answered") == true)
      let events = try await sites.parisSite.events(from: nil, to: nil, limit: 50)
      #expect(events.contains { !$0.succeeded && $0.description.contains("db1") })
    }
  }

  @Test func `addresses are set in the guest, with the card's new MAC address`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let record = try await recover(sites) { _ in }
      #expect(record.completeReason.isEmpty)
      let hypervisor = sites.parisHypervisor
      let mac = try #require(await hypervisor.recovered.last?.nics.first?.macAddress)
      #expect(mac != "52:54:00:00:00:01")
      let program = try #require(await hypervisor.programs.only)
      let found = try await findings(sites, record.vpgs[0]).last
      #expect(found?.finding.contains("was set to 10.1.2.3/24 inside the guest") == true)
      #expect(found?.subject == "web1" && found?.hasPassed == true)
      #expect(
        program.arguments == ["-s", mac, "10.1.2.3/24", "10.1.2.1", "10.1.2.4", "shop.example"]
      )
    }
  }

  @Test func `what a guest does not do is in the task, and the VM runs all the same`()
    async throws
  {
    for (end, words) in [
      (GuestProgram.End(exitCode: 1, output: "no such card\n"), "no such card"),
      (GuestProgram.End(exitCode: 0, output: ""), "lost when the guest is started anew"),
    ] {
      let sites = try await TwoSites()
      try await sites.run {
        await sites.parisHypervisor.setPrograms(end: end)
        let record = try await recover(sites) { _ in }
        #expect(record.completeReason.contains(words), "\(record.completeReason)")
        #expect(record.completeReason.contains("web1"))
        #expect(await sites.parisHypervisor.recovered.count == 1)
      }
    }
  }

  @Test func `a guest without an agent is not pretended to have its addresses`() async throws {
    let sites = try await TwoSites(guestBootInSeconds: 1)
    try await sites.run {
      await sites.parisHypervisor.setRecoveredGuestsAnswer(false)
      let record = try await recover(sites) { _ in }
      #expect(record.completeReason.contains("no guest agent answered"))
      #expect(await sites.parisHypervisor.programs.isEmpty)
    }
  }

  @Test(arguments: [true, false])
  func `an address that the network is to keep needs no agent, and it is said if it does not`(
    keeps: Bool
  ) async throws {
    let sites = try await TwoSites(guestBootInSeconds: 1)
    try await sites.run {
      await sites.parisHypervisor.setRecoveredGuestsAnswer(false)
      await sites.parisHypervisor.setKeepsAddresses(keeps)
      let record = try await recover(sites) {
        $0 = VPGDefinition.NICRecovery()
        ($0.address, $0.usesDHCP) = ("10.1.2.3", true)
      }
      let recovered = try #require(await sites.parisHypervisor.recovered.last)
      let card = try #require(recovered.nics.only)
      #expect(card.reservedAddress == "10.1.2.3")
      #expect(card.network == sites.parisHypervisor.network)
      #expect(record.completeReason.contains("does not keep 10.1.2.3") != keeps)
      #expect(record.completeReason.isEmpty == keeps)
      #expect(try await findings(sites, record.vpgs[0]).last?.hasPassed == keeps)
      #expect(await sites.parisHypervisor.programs.isEmpty)
    }
  }

  @Test func `an address can only be kept on a network`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      var wish = try await sites.protectedVPG()
      wish.generation += 1
      wish.networks.failoverTest = nil
      wish.vms[0].nics[0].failoverTest.usesDHCP = true
      wish.vms[0].nics[0].failoverTest.address = "10.1.2.3"
      let (update, vpg) = (VPGOperation.update(wish), wish.identifier)
      let error = await #expect(throws: SiteError.self) {
        try await sites.londonSite.perform(update, on: vpg, user: "ann")
      }
      #expect(error?.message.contains("FailoverTest.Hypervisor.NetworkIdentifier") == true)
    }
  }

  @Test func `Windows is told by netsh, by the name it has for the card`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      await sites.parisHypervisor.setWindows(true)
      let record = try await recover(sites) { $0.replacesMACAddress = false }
      #expect(record.completeReason.isEmpty)
      let programs = await sites.parisHypervisor.programs
      #expect(programs.map(\.path) == ["netsh.exe", "netsh.exe", "powershell.exe"])
      #expect(
        programs[0].arguments == [
          "interface", "ipv4", "set", "address", "name=Ethernet 2", "source=static",
          "address=10.1.2.3", "mask=255.255.255.0", "gateway=10.1.2.1",
        ]
      )
    }
  }

  /// What the report of a test says was found until its stop.
  private func findings(
    _ sites: TwoSites,
    _ vpg: VPGIdentifier
  ) async throws -> [RecoveryReport.Verification] {
    let stop = VPGOperation.failoverTestStop(succeeded: true, summary: "")
    let task = try await sites.parisSite.perform(stop, on: vpg, user: "ann")
    try await sites.finished(task, at: sites.parisSite)
    let report = try #require(
      try await sites.parisSite.recoveryReports(from: nil, to: nil).first
    )
    return try #require(report.verifications).filter { $0.subject != "The test as a whole" }
  }

  /// Tests a VPG whose card gets addresses in tests.
  private func recover(
    _ sites: TwoSites,
    change: @Sendable (inout VPGDefinition.NICRecovery) -> Void
  ) async throws -> TaskRecord {
    var wish = try await sites.protectedVPG()
    wish.generation += 1
    wish.networks.failoverTest = sites.parisHypervisor.network
    var place = VPGDefinition.NICRecovery()
    (place.address, place.subnetMask, place.gateway) = ("10.1.2.3", "255.255.255.0", "10.1.2.1")
    (place.primaryDNS, place.dnsSuffix) = ("10.1.2.4", "shop.example")
    place.replacesMACAddress = true
    change(&place)
    wish.vms[0].nics[0].failoverTest = place
    let changed = try await sites.londonSite.perform(
      .update(wish),
      on: wish.identifier,
      user: "ann"
    )
    try await sites.finished(changed, at: sites.londonSite)
    return try await sites.finished(try await test(sites, wish.identifier), at: sites.parisSite)
  }
}

extension Array {
  fileprivate var only: Element? { count == 1 ? first : nil }
}
