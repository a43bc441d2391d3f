// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Testing

struct AlertTests {
  @Test func `a journal at its limit is an alert with an event, until there is room again`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.parisAppliance.setHistory(
        JournalStatus.History(shortage: .hardLimit, keptInSeconds: 600)
      )
      try await eventually("the alert is on") { await !sites.parisSite.alerts().isEmpty }
      let alert = try #require(await sites.parisSite.alerts().first)
      #expect(alert.condition.kind == .journalLimitReached)
      #expect(alert.condition.vpgs == [definition.identifier])
      let status = try await sites.parisSite.vpg(definition.identifier).status
      #expect(status == .historyNotMeetingSLA)
      func levels() async throws -> [AlertLevel?] {
        [
          try await sites.parisSite.vpg(definition.identifier).alertLevel,
          try await sites.parisSite.vpgs().first?.alertLevel,
          try await sites.parisSite.appliances().first?.alertLevel,
        ]
      }
      #expect(try await levels() == [.error, .error, .error])
      try await sites.parisSite.setDismissed(true, alert: alert.identifier)
      #expect(try await levels() == [nil, nil, nil])
      #expect(await sites.parisSite.alerts().map(\.isDismissed) == [true])
      await #expect(throws: SiteError.notFound("There is no alert none.")) {
        try await sites.parisSite.setDismissed(true, alert: "none")
      }
      await sites.parisAppliance.setHistory(JournalStatus.History())
      try await eventually("the alert is off") { await sites.parisSite.alerts().isEmpty }
      try await eventually("events say that it was on and is over") {
        let events = try await sites.parisSite.events(from: nil, to: nil, limit: 100)
        return events.filter { $0.alert == alert.identifier }.map(\.kind)
          == [.alertTurnedOff, .alertTurnedOn]
      }
    }
  }

  @Test
  func `a test that has written as much as it may is paused, with an alert until it is stopped`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG {
        $0.scratch = VPGDefinition.StorageLimits(
          hardLimitInMB: 1000,
          warningThresholdInPercent: 50
        )
      }
      let vpg = definition.identifier
      try await eventually("a checkpoint is there") {
        try await !sites.parisSite.checkpoints(of: vpg, from: nil, to: nil).isEmpty
      }
      try await sites.finished(
        try await sites.parisSite.perform(.failoverTest(.init()), on: vpg, user: "ann"),
        at: sites.parisSite
      )
      let uuid = try #require(await sites.parisHypervisor.recovered.last?.uuid)
      let tested = VMIdentifier("paris.vm-\(uuid)")
      await sites.parisHypervisor.setAllocated(999 << 20, of: tested)
      try await eventually("it warns") {
        await sites.parisSite.alerts().map(\.condition.kind) == [.journalSpaceLow]
      }
      #expect(try await sites.parisHypervisor.power(of: tested) == .running)
      await sites.parisHypervisor.setAllocated(1000 << 20, of: tested)
      try await eventually("it is at its limit") {
        await sites.parisSite.alerts().map(\.condition.kind) == [.journalLimitReached]
      }
      #expect(try await sites.parisHypervisor.power(of: tested) == .paused)
      try await sites.finished(
        try await sites.parisSite.perform(
          .failoverTestStop(succeeded: true, summary: ""),
          on: vpg,
          user: "ann"
        ),
        at: sites.parisSite
      )
      #expect(try await sites.parisHypervisor.power(of: tested) == nil)
      try await eventually("the alert is off") { await sites.parisSite.alerts().isEmpty }
    }
  }

  @Test func `a journal that cannot be moved is an alert until it is there`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      await sites.parisHypervisor.addSecondDatastore()
      var wish = try await sites.protectedVPG()
      wish.generation += 1
      wish.journal.datastore = sites.parisHypervisor.secondDatastore
      await sites.parisAppliance.setMove(.init(copiedByteCount: 50, totalByteCount: 100))
      let task = try await sites.londonSite.perform(
        .update(wish),
        on: wish.identifier,
        user: "ann"
      )
      try await eventually("it is on the way") {
        try await sites.londonSite.task(task).progress == 49
      }
      // Else london takes the change back.
      sites.switchboard.setCut(true)
      await sites.parisAppliance.setMove(.init(failure: "there is no room left"))
      try await eventually("the alert is on") {
        await sites.parisSite.alerts().contains {
          $0.condition.kind == .journalError && $0.condition.description.contains("no room left")
        }
      }
      await sites.parisAppliance.setMove(nil)
      sites.switchboard.setCut(false)
      try await sites.finished(task, at: sites.londonSite)
      try await eventually("the alert is off") { await sites.parisSite.alerts().isEmpty }
    }
  }

  @Test func `alerts of a VPG that is deleted are over`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.parisAppliance.setHistory(JournalStatus.History(isDiskFull: true))
      try await eventually("the alert is on") {
        await sites.parisSite.alerts().map(\.condition.kind) == [.journalDiskFull]
      }
      try await sites.finished(
        try await sites.londonSite.perform(
          .delete(keepsRecoveryVolumes: true, force: false),
          on: definition.identifier,
          user: "ann"
        ),
        at: sites.londonSite
      )
      try await eventually("the alert is off") { await sites.parisSite.alerts().isEmpty }
    }
  }

  @Test func `a peer that is gone is an alert at both sites, until it answers`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let all = [sites.londonSite, sites.parisSite]
      sites.switchboard.setCut(true)
      for site in all {
        try await eventually("the alert is on") {
          await site.alerts().contains { $0.condition.kind == .peerLost }
        }
      }
      let alert = await sites.londonSite.alerts().first { $0.condition.kind == .peerLost }
      #expect(alert?.condition.vpgs == [definition.identifier])
      sites.switchboard.setCut(false)
      for site in all {
        try await eventually("the alert is off") {
          await !site.alerts().contains { $0.condition.kind == .peerLost }
        }
      }
    }
  }

  @Test func `an appliance that is gone is an alert, until it answers`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      _ = try await sites.protectedVPG()
      await sites.parisAppliance.setHanging(true)
      try await eventually("the alert is on") {
        await sites.parisSite.alerts().contains { $0.condition.kind == .applianceLost }
      }
      await sites.parisAppliance.setHanging(false)
      try await eventually("the alert is off") {
        await !sites.parisSite.alerts().contains { $0.condition.kind == .applianceLost }
      }
    }
  }

  @Test func `a checkpoint that is skipped is an event, and so is the next that is made`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      func texts() async throws -> [String] {
        try await sites.londonSite.events(from: nil, to: nil, limit: 100)
          .filter { $0.vpgs == [definition.identifier] }.map(\.description)
      }
      await sites.londonAppliance.refuseMarks("The guest would have waited too long.")
      try await eventually("the skip is told") {
        try await texts().contains {
          $0.hasPrefix("A checkpoint of the VPG \(definition.name) was skipped: ")
            && $0.hasSuffix("The guest would have waited too long.")
        }
      }
      await sites.londonAppliance.refuseMarks(nil)
      try await eventually("its end is told") {
        try await texts().contains {
          $0.hasPrefix("The VPG \(definition.name) makes checkpoints again; skipped in a row: ")
        }
      }
    }
  }

  @Test func `the RPO of a VM that is off does not age, and checkpoints go on`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
      try await eventually("a running VM without taps is not in order") {
        try await sites.londonSite.vpg(definition.identifier).substatus == .sync
      }
      await sites.londonHypervisor.setPower(.off, of: definition.vms[0].identifier)
      try await eventually("the VPG meets its SLA") {
        let view = try await sites.londonSite.vpg(definition.identifier)
        return view.substatus == .none && view.actualRPOInSeconds == 0
      }
      let count = try await sites.parisSite.checkpoints(
        of: definition.identifier,
        from: nil,
        to: nil
      ).count
      try await eventually("another checkpoint") {
        try await sites.parisSite.checkpoints(of: definition.identifier, from: nil, to: nil).count
          > count
      }
    }
  }
}
