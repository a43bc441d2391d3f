// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Testing

struct PointsInTimeTests {
  @Test func `a point is opened by the VM's name, listed and closed, and a recovery's is not`()
    async throws
  {
    let sites = try await TwoSites()
    try await sites.run {
      let definition = try await sites.protectedVPG()
      let points = PointsInTime(
        site: TwoSites.paris,
        definitions: [definition],
        appliances: [sites.londonAppliance, sites.parisAppliance]
      )
      let recovery = ExportIdentifier("recovery")
      _ = try await sites.parisAppliance.openExport(
        recovery,
        ExportRequest(
          stream: definition.vms[0].stream,
          point: .checkpoint(CheckpointIdentifier(1)),
          overlayFolder: "/scratch"
        )
      )
      let open = try await points.open(vm: "web1", point: .sequence(SequenceNumber(5)))
      #expect(open.export.request.stream == definition.vms[0].stream)
      #expect(open.export.request.point == .sequence(SequenceNumber(5)))
      let list = try await points.list()
      #expect(list.map(\.export.identifier) == [open.export.identifier])
      #expect(list.map(\.vm) == ["web1"])
      try await points.close(open.export.identifier)
      #expect(try await points.list().isEmpty)
      for gone in [open.export.identifier, recovery] {
        await #expect(throws: SiteError.notFound("There is no open point \(gone).")) {
          try await points.close(gone)
        }
      }
      await #expect(throws: SiteError.notFound("No VM db9 is recovered at this site.")) {
        try await points.open(vm: "db9", point: .sequence(SequenceNumber(5)))
      }
    }
  }
}
