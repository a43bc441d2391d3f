// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// `/v1/vcd`: checks of a Cloud Director: a libvirt site has none, so they find nothing.
enum Vcd: Resource {
  static let root = "vcd"
  static let interface = "IVcdService"

  static var routes: [Route] {
    [
      Route(.get, "vcd/validOrgVdcs", "Organisation data centres: there are none.") { _ in
        .list([], of: "VCDVirtualDatacenter")
      },
      Route(.get, "vcd/vmsWithoutMorefId", "VMs without identifiers: there are none.") { _ in
        .list([], of: "VCDVmMachine")
      },
    ]
  }
}
