// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Testing

/// What is done with journals that somebody reads, and with files that somebody uses.
struct JournalReadersTests {
  private static let point = ExportIdentifier("point")

  private static func open(
    _ stream: StreamIdentifier,
    _ appliance: FakeAppliance
  ) async throws {
    _ = try await appliance.openExport(
      point,
      ExportRequest(
        stream: stream,
        point: .sequence(SequenceNumber(1)),
        overlayFolder: nil
      )
    )
  }

  @Test func `of two journals none is ended while one is read`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      var wish = sites.definition(await sites.londonHypervisor.add("web1", disks: 1))
      wish.vms += sites.definition(await sites.londonHypervisor.add("db1", disks: 1)).vms
      try await sites.finished(
        try await sites.londonSite.create(wish, user: "ann"),
        at: sites.londonSite
      )
      let definition = try await sites.londonSite.vpg(wish.identifier).definition
      try await Self.open(definition.vms[1].stream, sites.parisAppliance)
      let delete = VPGOperation.delete(keepsRecoveryVolumes: false, force: false)
      let refused = await #expect(throws: SiteError.self) {
        try await sites.londonSite.perform(delete, on: wish.identifier, user: "ann")
      }
      #expect(refused?.message.contains("journal of the VM db1 is in use") == true)
      #expect(refused?.message.contains("(point)") == true)
      #expect(await sites.parisAppliance.journals.count == 2)
      #expect(await sites.parisAppliance.keptReplicas.isEmpty)
      try await eventually("the VPG goes on") {
        try await sites.londonSite.vpg(wish.identifier).status == .meetingSLA
      }
      await sites.parisAppliance.closeExport(Self.point)
      try await sites.finished(
        try await sites.londonSite.perform(delete, on: wish.identifier, user: "ann"),
        at: sites.londonSite
      )
      #expect(await sites.parisAppliance.journals.isEmpty)
    }
  }

  @Test func `a journal that a failed deletion ended is made again`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      var wish = sites.definition(await sites.londonHypervisor.add("web1", disks: 1))
      wish.vms += sites.definition(await sites.londonHypervisor.add("db1", disks: 1)).vms
      try await sites.finished(
        try await sites.londonSite.create(wish, user: "ann"),
        at: sites.londonSite
      )
      await sites.parisAppliance.failEndings(after: 1)
      let delete = VPGOperation.delete(keepsRecoveryVolumes: false, force: false)
      try await sites.finished(
        try await sites.londonSite.perform(delete, on: wish.identifier, user: "ann"),
        at: sites.londonSite,
        state: .failed
      )
      try await eventually("both have journals") {
        await sites.parisAppliance.journals.count == 2
      }
    }
  }

  @Test func `a commit is refused while a point is open, and a policy closes it`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vpg = definition.identifier
      try await Self.open(definition.vms[0].stream, sites.parisAppliance)
      let failover = VPGOperation.Failover(shutdownPolicy: .forceShutdown)
      try await sites.finished(
        try await sites.parisSite.perform(.failover(failover), on: vpg, user: "ann"),
        at: sites.parisSite
      )
      await #expect {
        try await sites.parisSite.perform(
          .failoverCommit(reverseProtection: false),
          on: vpg,
          user: "ann"
        )
      } throws: { error in
        guard case .conflict(let reason)? = error as? SiteError else { return false }
        return reason.contains("cannot be committed") && reason.contains("(point)")
      }
      #expect(await sites.parisAppliance.exports().count == 2)
      try await sites.finished(
        try await sites.parisSite.perform(.failoverRollback, on: vpg, user: "ann"),
        at: sites.parisSite
      )
      try await eventually("the VPG is in order again") {
        try await sites.londonSite.vpg(vpg).status == .meetingSLA
      }
      let automatic = VPGOperation.Failover(
        commitPolicy: .commit,
        commitDelayInSeconds: 0,
        shutdownPolicy: .forceShutdown
      )
      _ = try await sites.parisSite.perform(.failover(automatic), on: vpg, user: "ann")
      try await eventually("it is committed, and nothing is open") {
        let exports = await sites.parisAppliance.exports()
        return await sites.parisAppliance.points.promoted.count == 1 && exports.isEmpty
      }
    }
  }

  @Test func `a disk that a VM of the recovery site runs on is not made a replica`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let request = try #require(
        await sites.parisAppliance.journals[definition.vms[0].stream]
      )
      let other = await sites.parisHypervisor.add("other", disks: 1)
      await sites.parisHypervisor.setDisk(0, of: other, path: request.volumes[0].replicaPath)
      await #expect {
        try await sites.parisSite.prepare(definition, from: TwoSites.london)
      } throws: { error in
        guard case .conflict(let reason)? = error as? SiteError else { return false }
        return reason.contains("is one of the VM other")
      }
    }
  }

  @Test func `a recovery goes on when the store fails for a moment`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      sites.parisStore.failOnce(atRecord: 3)
      let wish = VPGOperation.FailoverTest()
      try await sites.finished(
        try await sites.parisSite.perform(
          .failoverTest(wish),
          on: definition.identifier,
          user: "ann"
        ),
        at: sites.parisSite
      )
      #expect(sites.parisStore.hasFailed)
      try await sites.finished(
        try await sites.parisSite.perform(
          .failoverTestStop(succeeded: true, summary: ""),
          on: definition.identifier,
          user: "ann"
        ),
        at: sites.parisSite
      )
    }
  }
}
