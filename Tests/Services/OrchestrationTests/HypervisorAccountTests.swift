// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Testing

/// The account that the manager logs in with at its hosts.
struct HypervisorAccountTests {
  private let ann = HypervisorAccount(user: "ann", password: "s3cret")

  @Test func `an account that a host lets in is kept sealed, used, and used after a restart`()
    async throws
  {
    let sites = try await TwoSites()
    let hypervisor = sites.londonHypervisor
    await hypervisor.setWanted(ann)
    try await sites.londonSite.setHypervisorAccount(ann, user: "root")
    #expect(hypervisor.used == ann)
    let event = try await sites.londonSite.events(from: nil, to: nil, limit: 1).first
    #expect(event?.userName == "root")
    #expect(event?.description == "The manager logs in to the hypervisor as ann from now on.")
    let record = try #require(try await sites.londonStore.hypervisorAccount())
    #expect(record.user == "ann" && !record.sealedPassword.contains("s3cret"))

    hypervisor.use(HypervisorAccount(user: "of the configuration", password: "p"))
    _ = try await sites.londonAgain()
    #expect(hypervisor.used == ann)
  }

  @Test func `an account that is not let in, or that nobody asks for, changes nothing`()
    async throws
  {
    let sites = try await TwoSites()
    let (hypervisor, site) = (sites.londonHypervisor, sites.londonSite)
    await #expect(
      throws: SiteError.invalid(
        "No host of the site asks for an account: libvirt lets the manager in as it is."
      )
    ) { try await site.setHypervisorAccount(ann, user: "root") }
    await hypervisor.setWanted(HypervisorAccount(user: "ann", password: "another"))
    await #expect(
      throws: SiteError.invalid(
        "The hypervisor does not let ann in: authentication failed"
      )
    ) { try await site.setHypervisorAccount(ann, user: "root") }
    #expect(hypervisor.used == nil)
    #expect(try await sites.londonStore.hypervisorAccount() == nil)
  }

  @Test func `of several hosts all have to let the account in that ask for one`() async throws {
    let hosts = [FakeHypervisor(name: "a"), FakeHypervisor(name: "a", hostName: "kvm2")]
    let group = HostGroup(hosts, at: ["1", "2"], events: EventHub())
    #expect(try await group.tryAccount(ann) == false)
    await hosts[1].setWanted(ann)
    #expect(try await group.tryAccount(ann))
    await hosts[0].setWanted(HypervisorAccount(user: "bob", password: ""))
    await #expect(throws: HypervisorError.self) { try await group.tryAccount(ann) }
    group.use(ann)
    #expect(hosts.map(\.used) == [ann, ann])
  }

  @Test func `no text of an account has its password`() {
    var dumped = ""
    dump(ann, to: &dumped)
    for text in ["\(ann)", String(reflecting: ann), String(describing: [ann]), dumped] {
      #expect(!text.contains("s3cret") && text.contains("ann"), "\(text)")
    }
  }
}
