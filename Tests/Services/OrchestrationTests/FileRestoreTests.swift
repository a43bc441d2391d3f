// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Testing

@Suite struct `A session for files` {
  @Test func `is opened, used and closed at the recovery site alone`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let vm = definition.vms[0]
      let view = try await sites.parisSite.openFiles(
        of: vm.identifier,
        in: definition.identifier,
        at: CheckpointIdentifier(7),
        user: "ann"
      )
      #expect(view.status.request.stream == vm.stream)
      #expect(view.status.request.point == .checkpoint(CheckpointIdentifier(7)))
      let name = view.status.identifier.rawValue
      let listed = try await sites.parisSite.fileSessions()
      #expect(listed.map(\.vm) == [vm.identifier])
      #expect(listed.map(\.vpg) == [definition.identifier])
      let content = try await sites.parisSite.fileContent(name, path: "/vda1/a b")
      var bytes: [UInt8] = []
      for try await part in content.parts { bytes += part }
      #expect(bytes == Array("/vda1/a b".utf8))
      try await sites.parisSite.closeFiles(name, user: "bob")
      #expect(try await sites.parisSite.fileSessions().isEmpty)
      await #expect(throws: SiteError.self) {
        try await sites.parisSite.closeFiles(name, user: "bob")
      }
      let events = try await sites.parisSite.events(from: nil, to: nil, limit: 1000)
        .filter { $0.kind == .mountFiles || $0.kind == .unmountFiles }
      #expect(events.map(\.kind) == [.unmountFiles, .mountFiles])
      #expect(events.map(\.userName) == ["bob", "ann"])
      #expect(events.allSatisfy { $0.vpgs == [definition.identifier] })
      #expect(events.allSatisfy { $0.description.contains(name) })
      await #expect(throws: SiteError.self) {
        try await sites.londonSite.openFiles(
          of: vm.identifier,
          in: definition.identifier,
          at: CheckpointIdentifier(7),
          user: "ann"
        )
      }
    }
  }

  @Test func `is compared with an earlier one of the same VM, and with no other's`() async throws {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let site = sites.parisSite
      var names: [String] = []
      for point in [7, 9] as [UInt64] {
        let view = try await site.openFiles(
          of: definition.vms[0].identifier,
          in: definition.identifier,
          at: CheckpointIdentifier(point),
          user: "ann"
        )
        names.append(view.status.identifier.rawValue)
      }
      let page = FileComparisonPage(first: 0, count: 9)
      await #expect(throws: SiteError.self) { try await site.fileComparison(names[1], page) }
      try await site.compareFiles(names[1], before: names[0], folder: "/vda1")
      let reply = try await site.fileComparison(names[1], page)
      #expect(reply.request.before.rawValue == names[0])
      #expect(reply.request.folder == "/vda1")
      await #expect(throws: SiteError.self) {
        try await site.compareFiles(names[1], before: "files-none", folder: "/")
      }
    }
  }
}
