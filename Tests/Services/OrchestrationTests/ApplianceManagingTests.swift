// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

/// Appliances that come into service and leave it while the manager runs.
@Suite struct ApplianceManagingTests {
  private static let second = ApplianceIdentifier("vra-second")

  private static func install(_ sites: TwoSites) async throws -> TaskIdentifier {
    try await sites.londonSite.installAppliance(
      on: sites.secondHypervisor.host,
      address: "10.1.1.2",
      group: "wan 2",
      notes: ["Memory is the host's."],
      user: "ann"
    )
  }

  @Test func `the appliance of another host is put into service and protects VMs there`()
    async throws
  {
    let sites = try await TwoSites(hasSecondHost: true, knowsSecond: false)
    let london = sites.londonSite
    await sites.secondAppliance.setIdentifier(Self.second)
    try await sites.run {
      try await sites.pair()
      #expect(try await london.appliances().map(\.identifier.rawValue) == ["vra-london"])
      let task = try await sites.finished(try await Self.install(sites), at: london)
      #expect((task.kind, task.completeReason) == (.installVRA, "Memory is the host's."))
      let view = try #require(try await london.appliances().last)
      #expect((view.identifier, view.number, view.group) == (Self.second, 1001, "wan 2"))
      #expect((view.hostName, view.address, view.isRunning) == ("kvm2", "10.1.1.2", true))
      let events = try await london.events(from: nil, to: nil, limit: 10)
      #expect(events.contains { $0.kind == .installVRA && $0.userName == "ann" })
      await #expect(throws: SiteError.self, "there is one") { try await Self.install(sites) }

      let wish = sites.definition(await sites.secondHypervisor.add("web1", disks: 1))
      try await sites.finished(try await london.create(wish, user: "ann"), at: london)
      try await eventually("the VPG meets its SLA") {
        try await london.vpg(wish.identifier).status == .meetingSLA
      }
      #expect(await sites.secondAppliance.streamCount() == 1)
      let again = try await sites.londonAgain().appliances()
      #expect(again.map(\.identifier.rawValue) == ["vra-london", "vra-second"])
      #expect(again.map(\.number) == [1, 1001] && again.map(\.group).last == "wan 2")
    }
  }

  @Test func `where no appliance answers none is put into service, and the task says so`()
    async throws
  {
    let sites = try await TwoSites(hasSecondHost: true, knowsSecond: false)
    await sites.secondAppliance.setHanging(true)
    try await sites.run {
      let task = try await Self.install(sites)
      let ended = try await sites.finished(task, at: sites.londonSite, state: .failed)
      #expect(ended.completeReason.hasPrefix("No appliance of this site answers at 10.1.1.2:9082"))
      #expect(try await sites.londonSite.appliances().count == 1)
    }
  }

  @Test func `an appliance that is used is not taken out, with the words for what`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG()
      for (site, name, use) in [
        (sites.londonSite, "vra-london", "protected"), (sites.parisSite, "vra-paris", "recovered"),
      ] {
        await #expect {
          try await site.removeAppliance(ApplianceIdentifier(name), user: "ann")
        } throws: { error in
          (error as? SiteError)
            == .conflict(
              "The appliance \(name) is in use: the VM web1 of the VPG web is \(use) by it."
            )
        }
      }
      #expect(try await sites.londonSite.vpg(vpg.identifier).status == .meetingSLA)
    }
  }

  @Test func `one of the configuration can be taken out, stays out, and is put in again`()
    async throws
  {
    let sites = try await TwoSites()
    let paris = sites.parisSite
    let appliance = ApplianceIdentifier("vra-paris")
    try await sites.run {
      try await eventually("it is known") { try await paris.appliances()[0].isRunning }
      let out = try await paris.removeAppliance(appliance, user: "ann")
      try await sites.finished(out, at: paris)
      #expect(try await paris.appliances().isEmpty)
      #expect(try await sites.parisAgain().appliances().isEmpty)
      sites.switchboard.add(paris, "paris")
      await #expect(throws: SiteError.self) {
        try await paris.removeAppliance(appliance, user: "ann")
      }
      // A VPG cannot be recovered there meanwhile.
      try await sites.pair()
      let wish = sites.definition(await sites.londonHypervisor.add("web1", disks: 1))
      await #expect(throws: SiteError.self) {
        try await sites.londonSite.create(wish, user: "ann")
      }
      let back = try await paris.installAppliance(
        on: sites.parisHypervisor.host,
        address: nil,
        group: nil,
        notes: [],
        user: "ann"
      )
      try await sites.finished(back, at: paris)
      let view = try #require(try await paris.appliances().first)
      #expect((view.number, view.group, view.isRunning) == (1, "default_group", true))
      let create = try await sites.londonSite.create(wish, user: "ann")
      try await sites.finished(create, at: sites.londonSite)
      // It is watched as before.
      await sites.parisAppliance.setHanging(true)
      try await eventually("its silence is seen") {
        try await !paris.appliances()[0].isRunning
      }
    }
  }

  @Test func `a group is kept over a restart`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let task = try await sites.parisSite.changeAppliance(
        ApplianceIdentifier("vra-paris"),
        group: "wan 2",
        notes: [],
        user: "ann"
      )
      try await sites.finished(task, at: sites.parisSite)
      #expect(try await sites.parisSite.appliances().map(\.group) == ["wan 2"])
      #expect(try await sites.parisAgain().appliances().map(\.group) == ["wan 2"])
    }
  }

  @Test func `an upgrade restarts what is old, and says what runs then`() async throws {
    let sites = try await TwoSites()
    let (paris, fake) = (sites.parisSite, sites.parisAppliance)
    @Sendable func upgrade(_ state: TaskRecord.State) async throws -> String {
      let appliance = ApplianceIdentifier("vra-paris")
      let task = try await paris.upgradeAppliances([appliance], user: "ann")
      return try await sites.finished(task, at: paris, state: state).completeReason
    }
    try await sites.run {
      let first = await fake.incarnation
      let said = try await upgrade(.completed)
      #expect(said == "The appliance vra-paris has the manager's version 1.0.")
      #expect(await fake.incarnation == first)
      await fake.setVersion("0.8", installed: "0.9")
      let missing = try await upgrade(.failed)
      #expect(missing.contains("has version 0.9: the manager's 1.0 is not installed"))
      await fake.setVersion("0.8", installed: "1.0")
      let done = try await upgrade(.completed)
      #expect(done == "The appliance vra-paris has version 1.0, and had 0.8.")
      #expect(await fake.incarnation == first + 2)
      let events = try await paris.events(from: nil, to: nil, limit: 10)
      #expect(events.filter { $0.kind == .upgradeVRA }.count == 1)
    }
  }

  @Test func `an appliance whose disks a VM runs on is not restarted`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      let test = VPGOperation.failoverTest(.init(checkpoint: nil, vms: []))
      let begin = try await sites.parisSite.perform(test, on: vpg, user: "ann")
      try await sites.finished(begin, at: sites.parisSite)
      await sites.parisAppliance.setVersion("0.9", installed: "1.0")
      let before = await sites.parisAppliance.incarnation
      let task = try await sites.parisSite.upgradeAppliances(
        [ApplianceIdentifier("vra-paris")],
        user: "ann"
      )
      let ended = try await sites.finished(task, at: sites.parisSite, state: .failed)
      #expect(ended.completeReason.contains("gives out disks of past points"))
      #expect(await sites.parisAppliance.incarnation == before)
    }
  }
}
