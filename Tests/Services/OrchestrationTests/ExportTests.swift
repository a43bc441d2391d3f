// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Orchestration
import RecoveryModel
import Testing

@Suite struct ExportTests {
  @Test func `exports keep what a VPG was, each under a second of its own, a hundred of them`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let before = try await sites.protectedVPG()
      let site = sites.londonSite
      let first = try await site.exportVPGs(named: ["WEB"], user: "ann")
      #expect(first.vpgs.map(\.definition) == [before])
      #expect(first.vpgs.map(\.recoverySiteName) == ["paris"])
      var wish = before
      (wish.name, wish.generation) = ("shop", before.generation + 1)
      let task = try await site.perform(.update(wish), on: before.identifier, user: "ann")
      try await sites.finished(task, at: site)
      let second = try await site.exportVPGs(named: [], user: "ann")
      #expect(second.vpgs.map(\.definition.name) == ["shop"])
      #expect(try await site.vpgExports() == [second, first])
      await #expect(throws: SiteError.self) {
        try await site.exportVPGs(named: ["web"], user: "ann")
      }
      for _ in 0..<99 { _ = try await site.exportVPGs(named: [], user: "ann") }
      let kept = try await site.vpgExports()
      #expect(kept.count == 100 && !kept.contains(first) && kept.contains(second))
      #expect(Set(kept.map(\.time)).count == 100)
      #expect(kept.allSatisfy { $0.time.milliseconds % 1000 == 0 })
    }
  }
}
