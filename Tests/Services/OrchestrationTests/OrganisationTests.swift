// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Store
import Testing

@Suite struct OrganisationTests {
  @Test func `histories name the organisation of a VPG by what it is called now`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let organisation = Organisation(
        identifier: "6b1f2c0e-0000-4000-8000-0000000000c1",
        name: "Harbour"
      )
      try await sites.londonSite.context.store.save(organisation)
      let definition = try await sites.protectedVPG { $0.policy.zorg = organisation.identifier }
      let names = try await sites.londonSite.names()
      #expect(names.organisations(of: [definition.identifier]) == [organisation])
      #expect(names.organisations(of: []).isEmpty)

      var renamed = organisation
      renamed.name = "Docks"
      try await sites.londonSite.context.store.save(renamed)
      let now = try await sites.londonSite.names()
      #expect(now.organisations(of: [definition.identifier]).map(\.name) == ["Docks"])
    }
  }
}
