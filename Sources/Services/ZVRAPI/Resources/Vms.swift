// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// `/v1/vms`: VMs that are in a VPG.
enum Vms: Resource {
  static let root = "vms"
  static let interface = "IVmService"

  static var routes: [Route] {
    reading.confined(.byAnswer) + VmPoints.reading.confined(.byAnswer)
      + (VmPoints.restoring + VmDifferences.routes).changesNeed(.recover)
  }

  private static var reading: [Route] {
    [
      Route(.get, "vms", "The VMs of all VPGs.") { call in
        let query = call.query
        let filter = try VPGFilter(
          query,
          name: query.text("vpgName"),
          identifier: query.text("vpgIdentifier"),
          sites: try await call.site.names().sites
        )
        let views = try await call.site.protectedVMs {
          filter.matches($0) && call.sees($0)
        }.filter { view in
          filter.matches(view.vpg)
            && query.matches("vmName", view.virtualMachine?.name ?? view.vm.name)
            && query.matches("vmIdentifier", view.vm.identifier.rawValue)
        }
        let links = call.links()
        return .list(views.map { .vm($0, links) }, of: "VmApi")
      },
      Route(.get, "vms/{vmIdentifier}", "One VM.") { call in
        let view = try await call.protectedVM(
          call.parameter("vmIdentifier"),
          vpg: call.query.text("vpgIdentifier")
        )
        return .value(.vm(view, call.links()))
      },
    ]
  }
}
