// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// A VPG that was turned round, and managers whose stores were put back to a day before that.
@Suite struct ForgottenReversalTests {
  /// Moves the VPG to paris and protects it from there; the definition of before is returned.
  private func turnRound(
    _ sites: TwoSites,
    during watch: @Sendable (VPGIdentifier) async throws -> Void = { _ in }
  ) async throws -> VPGDefinition {
    let old = try await sites.protectedVPG()
    let (vpg, paris) = (old.identifier, sites.parisSite)
    await sites.parisAppliance.connect(to: sites.londonAppliance)
    await sites.londonAppliance.setResting(rpoInMilliseconds: 0)
    try await sites.finished(
      try await paris.perform(.move(.init(reverseProtection: true)), on: vpg, user: "ann"),
      at: paris
    )
    await sites.londonAppliance.setResting(rpoInMilliseconds: nil)
    let commit = VPGOperation.moveCommit(reverseProtection: nil, keepsSourceVMs: nil)
    let task = try await paris.perform(commit, on: vpg, user: "ann")
    try await watch(vpg)
    try await sites.finished(task, at: paris)
    try await eventually("turned") { try await paris.vpg(vpg).status == .meetingSLA }
    return old
  }

  @Test func `a reversal is never taken for a split brain`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      _ = try await turnRound(sites) { vpg in
        try await eventually("turned") {
          for site in [sites.londonSite, sites.parisSite] {
            let view = try await site.vpg(vpg)
            #expect(view.splitBrain == nil, "\(site.context.settings.name)")
          }
          return try await sites.londonSite.vpg(vpg).status == .meetingSLA
        }
      }
      for site in [sites.londonSite, sites.parisSite] {
        #expect(await site.alerts().allSatisfy { $0.condition.kind != .splitBrain })
      }
    }
  }

  /// London, which was the protected site, has the store of then again, and its VM.
  private func forgetInLondon(_ sites: TwoSites, _ old: VPGDefinition) async throws {
    for stream in await sites.londonAppliance.journals.keys {
      try await sites.londonAppliance.endJournal(stream, keepsReplica: true)
    }
    _ = await sites.londonHypervisor.add("web1", disks: 2)
    try await sites.londonSite.context.vpgs.save(VPGRecord(definition: old))
    for site in [sites.londonSite, sites.parisSite] {
      try await eventually("found") {
        try await site.vpg(old.identifier).splitBrain?.cause == .bothProtect
      }
    }
  }

  private func expectProtected(
    from kept: SiteIdentifier,
    _ sites: TwoSites,
    _ vpg: VPGIdentifier
  ) async throws {
    for site in [sites.londonSite, sites.parisSite] {
      try await eventually("protected one way") {
        let view = try await site.vpg(vpg)
        return view.status == .meetingSLA && view.definition.protectedSite == kept
      }
    }
    let machines =
      await sites.londonHypervisor.shown.virtualMachines.count
      + sites.parisHypervisor.shown.virtualMachines.count
    #expect(machines == 1)
  }

  @Test(arguments: [TwoSites.london, TwoSites.paris])
  func `two sites that hold themselves for the protected one protect nothing until one is kept`(
    kept: SiteIdentifier
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let old = try await turnRound(sites)
      let (vpg, paris, london) = (old.identifier, sites.parisSite, sites.londonSite)
      try await forgetInLondon(sites, old)
      for site in [london, paris] {
        let view = try await site.vpg(vpg)
        #expect(view.status == .notMeetingSLA && view.substatus == .error)
      }
      let reversed = try await paris.vpg(vpg).definition
      let refusal = "Both sites of the VPG web hold themselves for the protected one."
      await #expect(throws: SiteError.conflict(refusal)) {
        _ = try await london.prepare(reversed, from: TwoSites.paris)
      }
      #expect(await sites.londonAppliance.journals.isEmpty)

      let task = try await london.perform(.resolve(keeping: kept), on: vpg, user: "ann")
      try await sites.finished(task, at: london)
      try await expectProtected(from: kept, sites, vpg)
    }
  }

  @Test(arguments: [Switchboard.Loss.request, .reply])
  func `a site that is kept is the protected one also if the question to the other one is lost`(
    loss: Switchboard.Loss
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let old = try await turnRound(sites)
      let (vpg, london) = (old.identifier, sites.londonSite)
      try await forgetInLondon(sites, old)
      sites.switchboard.lose(loss, of: .retire)
      let keep = VPGOperation.resolve(keeping: TwoSites.london)
      let task = try await london.perform(keep, on: vpg, user: "ann")
      try await sites.finished(task, at: london, state: .failed)
      if loss == .request {
        // Both hold themselves for the protected one still, and it is asked for again.
        let again = try await london.perform(keep, on: vpg, user: "ann")
        try await sites.finished(again, at: london)
      }
      try await expectProtected(from: TwoSites.london, sites, vpg)
    }
  }

  @Test(arguments: [TwoSites.london, TwoSites.paris])
  func `two sites that leave a VPG to each other are shown, and the one it was turned to takes it`(
    asked: SiteIdentifier
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let old = try await turnRound(sites)
      let (vpg, paris, london) = (old.identifier, sites.parisSite, sites.londonSite)
      try await paris.context.vpgs.save(VPGRecord(definition: old))
      for site in [london, paris] {
        try await eventually("found") {
          try await site.vpg(vpg).splitBrain?.cause == .neitherProtects(TwoSites.paris)
        }
        let view = try await site.vpg(vpg)
        #expect(view.status == .notMeetingSLA && view.substatus == .error)
        #expect(view.splitBrain?.choices.map(\.name) == ["paris"])
        #expect(view.splitBrain?.choices[0].consequence.hasPrefix("Nothing is lost") == true)
        try await eventually("the alert") {
          await site.alerts().contains { $0.condition.kind == .splitBrain }
        }
        await #expect(throws: SiteError.self) {
          try await site.perform(.resolve(keeping: TwoSites.london), on: vpg, user: "ann")
        }
      }

      let site = asked == TwoSites.london ? london : paris
      let task = try await site.perform(
        .resolve(keeping: TwoSites.paris),
        on: vpg,
        user: "ann"
      )
      try await sites.finished(task, at: site)
      try await expectProtected(from: TwoSites.paris, sites, vpg)
      for site in [london, paris] {
        try await eventually("it is over") { try await site.vpg(vpg).splitBrain == nil }
      }
    }
  }
}

/// What a peer said before something changed is not heard after it.
@Suite struct ForgottenShareTests {
  @Test func `a share that was forgotten is taken only from an answer that was asked for later`()
    async throws
  {
    let sites = try await TwoSites()
    let definition = sites.definition(VMIdentifier("web1"))
    let peers = sites.londonSite.context.peers
    try await peers.save(
      PeerRecord(
        site: TwoSites.paris,
        name: "paris",
        location: "",
        version: "",
        host: "paris",
        port: 1,
        authority: "",
        pairedAt: WallTime(milliseconds: 0)
      )
    )
    let state = PeerState(
      time: WallTime(milliseconds: 0),
      vpgs: [
        VPGShare(
          definition: definition,
          status: .meetingSLA,
          substatus: .none,
          progress: 0,
          isPaused: false,
          lastTest: nil,
          testStage: nil,
          streams: [],
          writesPerSecond: 0,
          bytesPerSecond: 0,
          journals: []
        )
      ]
    )
    func share() async -> VPGShare? {
      await peers.share(of: definition.identifier, at: TwoSites.paris)
    }
    let early = ContinuousClock.now
    await peers.note(state, from: TwoSites.paris, asked: early)
    #expect(await share() != nil)
    await peers.forget(definition.identifier, at: TwoSites.paris)
    #expect(await share() == nil)
    await peers.note(state, from: TwoSites.paris, asked: early)
    #expect(await share() == nil)
    #expect(await peers.isConnected(TwoSites.paris))
    await peers.note(state, from: TwoSites.paris, asked: .now)
    #expect(await share() != nil)
  }
}
