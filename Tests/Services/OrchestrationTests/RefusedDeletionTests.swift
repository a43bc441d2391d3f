// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Store
import Testing

/// Deleting a VPG that the recovery site needs, or that one of the sites has forgotten.
@Suite struct RefusedDeletionTests {
  private static let deletion = VPGOperation.delete(keepsRecoveryVolumes: false, force: false)

  @Test func `a deletion that the recovery site refuses is refused at once, and stops nothing`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vpg = definition.identifier
      try await sites.perform(.failoverTest(.init()), on: vpg)
      let reason = "A test or failover of the VPG web is under way; end it first."
      let generation = await sites.londonSite.generation(of: definition)
      for site in [sites.londonSite, sites.parisSite] {
        await #expect(throws: SiteError.conflict(reason)) {
          _ = try await site.perform(Self.deletion, on: vpg, user: "ann")
        }
      }
      #expect(await sites.londonSite.context.vpgs.record(vpg)?.phase == .protecting)
      #expect(await sites.londonSite.generation(of: definition) == generation)
      try await sites.perform(.failoverTestStop(succeeded: true, summary: ""), on: vpg)
      try await sites.perform(Self.deletion, on: vpg)
      #expect(try await sites.londonSite.vpgs().isEmpty)
      #expect(try await sites.parisSite.vpgs().isEmpty)
    }
  }

  @Test
  func `a VPG that its protected site has forgotten is deleted at the other without force`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let vpg = try await sites.protectedVPG().identifier
      try await sites.londonSite.context.vpgs.remove(vpg)
      try await sites.perform(Self.deletion, on: vpg)
      #expect(try await sites.parisSite.vpgs().isEmpty)
    }
  }
}

extension Site {
  /// How often the first VM's stream was begun or synchronised.
  fileprivate func generation(of definition: VPGDefinition) async -> UInt64? {
    await context.appliances.stream(definition.vms[0].stream)?.generation
  }
}
