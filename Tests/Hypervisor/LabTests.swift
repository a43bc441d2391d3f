// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import RecoveryModel
import Testing

@testable import Lab

@Suite("Lab", .serialized, .enabled(if: LabFixture.isPossible))
struct LabTests {
  @Suite("A lab that is up", .serialized, .lab)
  struct Up {
    @Test func `every daemon of both sites runs`() async throws {
      let status = try await LabFixture.lab.status()
      #expect(status.sites.map(\.name) == ["london", "paris"])
      for site in status.sites {
        #expect(site.daemons.map(\.name) == ["libvirtd", "appliance", "manager"])
        for daemon in site.daemons {
          #expect(daemon.processId != nil, "\(daemon.name) of \(site.name)")
        }
      }
    }

    @Test func `brought up again it keeps its processes`() async throws {
      let lab = try LabFixture.lab
      let before = try await lab.status().sites.flatMap(\.daemons).map(\.processId)
      try await lab.up()
      #expect(try await lab.status().sites.flatMap(\.daemons).map(\.processId) == before)
    }

    @Test func `the guest serves an unbroken sequence from both disks`() async throws {
      let lab = try LabFixture.lab
      let guest = lab.guest("web1", at: try lab.sites()[0])
      #expect(try await guest.waitUntilServing(seconds: 240))
      for page in ["seq", "vdb-seq"] {
        let text = try #require(try await guest.page(page))
        #expect(try #require(SequenceFile(text)).lastOfUnbroken != nil, "\(page)")
      }
    }

    @Test func `both managers let their user in`() async throws {
      for site in try LabFixture.lab.sites() {
        let client = try await ZVMClient(loggingInTo: site)
        let answer = try await client.get("/localsite")
        await client.close()
        #expect(answer["SiteIdentifier"].text == site.identifier.rawValue)
      }
    }

    @Test func `VMs that were switched off stay off until the machine is restarted`() async throws {
      let lab = try LabFixture.lab
      let home = SiteLibvirt(site: try lab.sites()[0], allowsKVM: false)
      let all = LabVM.all.map(\.name)
      for vm in all { try await home.virsh(["destroy", vm]) }
      try await lab.up()
      #expect(try await home.names(["list", "--name"]) == [])
      var record = try #require(try LabRecord.load(from: lab.settings.folder))
      record.note(started: all, in: "an earlier run")
      try record.save(in: lab.settings.folder)
      try await lab.up()
      #expect(try await home.names(["list", "--name"]).sorted() == all.sorted())
    }
  }

  @Test func `the demo ends well`() async throws {
    let settings = LabFixture.settings(name: "usdemo")
    let ended = await Demo(settings: settings).run()
    try await Lab(settings: settings).down()
    #expect(ended)
  }

  @Test func `a folder that holds something else is left alone`() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "understudy-other-\(UUID().uuidString)")
    let file = folder.appending(path: "kept")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data().write(to: file)
    var settings = LabFixture.settings(name: "usother")
    settings.folder = folder.path(percentEncoded: false)
    let lab = Lab(settings: settings)
    await #expect(throws: LabError.self) { try await lab.down() }
    await #expect(throws: LabError.self) { try await lab.up() }
    #expect(FileManager.default.fileExists(atPath: file.path(percentEncoded: false)))
  }
}
