// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RESTClient
import Testing

@testable import Lab

extension LabTests.Withstand {
  @Test func `a recovered guest gets the address that its card is to have in tests`() async throws {
    let bench = try await WithstandBench.ready()
    let address = "10.77.1.23"
    try await bench.setTestAddress(["StaticIp": .text(address), "SubnetMask": "255.255.255.0"])
    let reason = try await bench.ask(bench.paris) { client in
      let task = try await client.begin("/vpgs/\(bench.vpg)/FailoverTest")
      try await client.waitForTask(task, seconds: 300)
      return try await client.get("/tasks/\(task)")["CompleteReason"].text ?? ""
    }
    let recovered = bench.lab.guest("\(WithstandBench.vmName) - testing recovery", at: bench.paris)
    let seen = try await recovered.libvirt
      .virsh(["domifaddr", recovered.name, "--source", "agent"], seconds: 60)
    try await bench.ask(bench.paris) { client in
      try await client.perform("/vpgs/\(bench.vpg)/FailoverTestStop", [:], seconds: 120)
    }
    // The other site may not have heard yet that the test is over.
    try await bench.waitUntilProtected()
    try await bench.setTestAddress(.null)
    #expect(seen.contains("\(address)/24"), "\(seen)")
    // Nothing in this guest would keep it, which is not pretended.
    #expect(reason.contains("lost when the guest is started anew"), "\(reason)")
    try await bench.waitUntilProtected()
  }
}

extension WithstandBench {
  /// What the VM's first card is to have in failover tests.
  fileprivate func setTestAddress(_ configuration: JSON) async throws {
    try await ask(london) { client in
      let created = try await client.post("/vpgSettings", ["VpgIdentifier": .text(vpg)])
      let path = "/vpgSettings/\(try #require(created.text))"
      let vm = try #require(
        try await client.get(path + "/vms").elements.first?["VmIdentifier"].text
      )
      let nics = try await client.get("\(path)/vms/\(vm)/nics").elements
      var nic = try #require(nics.first)
      let name = try #require(nic["NicIdentifier"].text)
      nic["FailoverTest"]["Hypervisor"]["IpConfig"] = configuration
      nic["FailoverTest"]["Hypervisor"]["ShouldReplaceIpConfiguration"] = .bool(
        configuration != .null
      )
      let escaped = name.replacing(" ", with: "%20")
      try await client.put("\(path)/vms/\(vm)/nics/\(escaped)", nic)
      try await client.perform(path + "/commit", seconds: 120)
    }
  }
}
