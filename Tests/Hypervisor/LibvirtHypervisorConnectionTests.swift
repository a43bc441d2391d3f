// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Hypervisor
import LibvirtHypervisor
import Logging
import RecoveryModel
import Testing

struct LibvirtHypervisorConnectionTests {
  @Test func `a libvirt that is not there is unreachable, and the error says why`() async throws {
    let socket = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).sock").path()
    let hypervisor = LibvirtHypervisor(
      uri: "qemu+unix:///system?socket=\(socket)",
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    let error = await #expect(throws: HypervisorError.self) { try await hypervisor.inventory() }
    guard case .unreachable(let reason)? = error else {
      Issue.record("\(error.debugDescription) is not what was expected")
      return
    }
    #expect(reason.contains(socket))
  }

  @Test(.enabled(if: LibvirtTestSite.isAvailable), .timeLimit(.minutes(2)))
  func `a connection that was lost is opened again, and events go on`() async throws {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let vm = try bench.defineVM("vm")
    let events = bench.hypervisor.events()
    #expect(try await bench.hypervisor.virtualMachine(vm) != nil)
    try disconnectThisProcess()
    // The hint to look again.
    for await event in events where event == .inventoryChanged { break }
    try await bench.hypervisor.start(vm)
    for await event in events where event == .started(vm) { break }
    try await bench.hypervisor.remove(vm)
    for await event in events where event == .stopped(vm) { break }
  }

  /// Has the daemon close the connections of this process.
  private func disconnectThisProcess() throws {
    let socket = LibvirtTestSite.uri.split(separator: "socket=")[1]
    let uri = "libvirtd:///system?socket=\(socket.dropLast("libvirt-sock".count))libvirt-admin-sock"
    let list = try runToEnd(["virt-admin", "-q", "-c", uri, "client-list", "libvirtd"])
    let process = "\(ProcessInfo.processInfo.processIdentifier)"
    for line in list.split(separator: "\n") {
      guard let client = line.split(separator: " ").first.map(String.init),
        let details = try? runToEnd([
          "virt-admin", "-q", "-c", uri, "client-info", "libvirtd", client,
        ]),
        details.split(separator: "\n").contains(where: {
          $0.hasPrefix("unix_process_id") && $0.hasSuffix(" \(process)")
        })
      else { continue }
      try runToEnd(["virt-admin", "-q", "-c", uri, "client-disconnect", "libvirtd", client])
    }
  }
}
