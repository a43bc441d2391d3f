// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Testing

/// VPGs whose replicas are images that the recovery site has already.
struct PreseedTests {
  private static func definition(
    _ sites: TwoSites,
    _ preseed: VPGDefinition.Preseed
  ) async throws -> VPGDefinition {
    let vm = await sites.londonHypervisor.add("web1", disks: 2)
    var definition = sites.definition(vm)
    var volume = VPGDefinition.ProtectedVolume(
      identifier: VolumeIdentifier("scsi:0:0"),
      number: 0,
      target: "vd0",
      byteCount: 1 << 26
    )
    volume.preseed = preseed
    definition.vms[0].volumes = [volume]
    return definition
  }

  @Test(arguments: ["seeds/web1.raw", "/stores/paris/seeds/web1.raw", "[one] seeds/web1.raw"])
  func `the image is the replica, and the other disk has one made`(path: String) async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      let wish = try await Self.definition(sites, .init(path: path))
      try await sites.finished(
        try await sites.londonSite.create(wish, user: "ann"),
        at: sites.londonSite
      )
      let vm = try await sites.londonSite.vpg(wish.identifier).definition.vms[0]
      let volumes = try #require(await sites.parisAppliance.journals[vm.stream]).volumes
      #expect(volumes[0].replicaPath == "/stores/paris/seeds/web1.raw")
      #expect(volumes[0].imageFolder == "/stores/paris")
      #expect(volumes[1].replicaPath.hasPrefix("/stores/paris/web1/"))
      #expect(volumes[1].imageFolder == nil)
    }
  }

  @Test func `places that cannot be it are said with the member's name, and nothing is made`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      _ = await sites.parisHypervisor.add("app1", disks: 1)
      for (preseed, words) in [
        (VPGDefinition.Preseed(path: "../x.raw"), "names no file of the datastore one"),
        (.init(path: "/stores/other/x.raw"), "names no file of the datastore one"),
        (.init(path: "a/../../x.raw"), "names no file of the datastore one"),
        (.init(path: "/stores/paris/"), "names no file of the datastore one"),
        (.init(datastore: sites.parisHypervisor.datastore), "it is missing"),
        (.init(path: "app1-0.raw"), "is a disk of the VM app1"),
        (
          .init(datastore: DatastoreIdentifier("other"), path: "x.raw"),
          "choose other as the disk's recovery datastore"
        ),
      ] {
        let wish = try await Self.definition(sites, preseed)
        let error = await #expect(throws: SiteError.self) {
          try await sites.londonSite.create(wish, user: "ann")
        }
        guard case .rejected(let problems) = error else {
          Issue.record("not rejected: \(String(describing: error))")
          return
        }
        #expect(problems.count == 1 && problems[0].contains(words), "\(problems)")
        #expect(problems[0].hasPrefix("Vms[web1].Volumes[scsi:0:0].Preseed"), "\(problems)")
      }
      #expect(await sites.parisAppliance.journals.isEmpty)
    }
  }

  @Test func `one image cannot be the replica of two disks`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      try await sites.pair()
      var wish = try await Self.definition(sites, .init(path: "a.raw"))
      wish.vms[0].volumes.append(wish.vms[0].volumes[0])
      wish.vms[0].volumes[1].identifier = VolumeIdentifier("scsi:0:1")
      let error = await #expect(throws: SiteError.self) {
        try await sites.londonSite.create(wish, user: "ann")
      }
      #expect(error?.message.contains("the replica of several disks") == true)
    }
  }

  @Test func `a disk that is protected takes no image any more`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      var wish = try await sites.protectedVPG()
      wish.generation += 1
      wish.vms[0].volumes[0].preseed = .init(path: "late.raw")
      let late = wish
      let error = await #expect(throws: SiteError.self) {
        try await sites.londonSite.perform(.update(late), on: late.identifier, user: "ann")
      }
      #expect(error?.message.contains("so it has its replica") == true)
    }
  }
}
