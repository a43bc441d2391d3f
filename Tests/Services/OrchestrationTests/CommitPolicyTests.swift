// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Testing

/// A failover that is decided by its commit policy.
@Suite struct CommitPolicyTests {
  @Test(arguments: [VPGOperation.CommitPolicy.commit, .rollback])
  func `a policy is carried out when its time is up, and not before`(
    policy: VPGOperation.CommitPolicy
  ) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      let (paris, began) = (sites.parisSite, ContinuousClock.now)
      let task = try await paris.perform(
        .failover(.init(commitPolicy: policy, commitDelayInSeconds: 5)),
        on: vpg,
        user: "ann"
      )
      try await sites.finished(task, at: paris)
      #expect(try await paris.vpg(vpg).substatus == .failingOverBeforeCommit)
      try await eventually("it is decided") {
        try await paris.vpg(vpg).status == (policy == .commit ? .recovered : .meetingSLA)
      }
      #expect(ContinuousClock.now - began >= .seconds(5))
    }
  }

  @Test func `what keeps a policy from being carried out is said once, and tried until it is over`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let (vpg, paris) = (definition.identifier, sites.parisSite)
      sites.switchboard.setCut(true)
      let task = try await paris.perform(
        .failover(.init(commitPolicy: .commit, reverseProtection: true)),
        on: vpg,
        user: "ann"
      )
      try await sites.finished(task, at: paris)
      try await Self.waitForWords("does not answer", at: paris)
      // Meanwhile nothing that reads the point is ended.
      let point = ExportIdentifier("0a1b2c3d-0000-4000-8000-00000000000e")
      let request = ExportRequest(
        stream: definition.vms[0].stream,
        point: .sequence(SequenceNumber(1)),
        overlayFolder: nil
      )
      _ = try await sites.parisAppliance.openExport(point, request)
      sites.switchboard.setCut(false)
      try await Self.waitForWords("Still running at the protected site: web1.", at: paris)
      #expect(try await paris.vpg(vpg).substatus == .failingOverBeforeCommit)
      #expect(await sites.parisAppliance.exports().contains { $0.identifier == point })
      await sites.londonHypervisor.setPower(.off, of: definition.vms[0].identifier)
      try await eventually("the VPG is turned round") {
        try await paris.vpg(vpg).definition.protectedSite == definition.recoverySite
      }
      #expect(try await Self.words(at: paris).count == 2)
      #expect(await !sites.parisAppliance.exports().contains { $0.identifier == point })
    }
  }

  private static func words(at site: Site) async throws -> [String] {
    try await site.events(from: nil, to: nil, limit: 1000).map(\.description)
      .filter { $0.hasPrefix("The commit policy cannot be carried out yet: ") }
  }

  private static func waitForWords(_ words: String, at site: Site) async throws {
    try await eventually("it is said that \(words)") {
      try await Self.words(at: site).contains { $0.contains(words) }
    }
  }
}
