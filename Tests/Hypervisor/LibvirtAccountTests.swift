// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Hypervisor
import LibvirtHypervisor
import Logging
import Testing

/// A real libvirt that asks who connects.
@Suite(.enabled(if: SASLLibvirt.isPossible, "needs root, libvirtd and saslpasswd2"))
struct LibvirtAccountTests {
  private let ann = HypervisorAccount(user: "ann", password: "right: one")
  private let wrong = HypervisorAccount(user: "ann", password: "wrong")

  private static func hypervisor(_ uri: String) -> LibvirtHypervisor {
    LibvirtHypervisor(uri: uri, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  @Test(.timeLimit(.minutes(3)))
  func `who libvirt asks for is told, refused or let in, and replaced without a word`()
    async throws
  {
    let libvirt = try await SASLLibvirt([ann])
    defer { libvirt.end() }
    let hypervisor = Self.hypervisor(libvirt.uri)
    let none = await #expect(throws: HypervisorError.self) { try await hypervisor.version() }
    guard case .unreachable(let reason)? = none else {
      Issue.record("\(none.debugDescription) is not what was expected")
      return
    }
    #expect(reason.contains("asks for an account"))
    let refused = await #expect(throws: HypervisorError.self) {
      try await hypervisor.tryAccount(wrong)
    }
    guard case .unreachable(let reason)? = refused else {
      Issue.record("\(refused.debugDescription) is not what was expected")
      return
    }
    #expect(reason.contains("authentication failed") && !reason.contains("wrong"))
    #expect(try await hypervisor.tryAccount(ann))
    await #expect(throws: HypervisorError.self) { try await hypervisor.version() }

    hypervisor.use(ann)
    #expect(try await hypervisor.version().hasPrefix("QEMU"))
    let events = hypervisor.events()
    // Another account of the same user: the standing connection is replaced, and tells on.
    try libvirt.setPassword(wrong)
    hypervisor.use(wrong)
    #expect(try await hypervisor.version().hasPrefix("QEMU"))
    let network = libvirt.folder + "/network.xml"
    try "<network><name>n</name></network>".write(
      toFile: network,
      atomically: true,
      encoding: .utf8
    )
    _ = try libvirt.virsh(["net-define", network], as: wrong)
    for await event in events where event == .inventoryChanged { break }
  }

  @Test(.timeLimit(.minutes(3)))
  func `the guard that thaws guests logs in as the manager does`() async throws {
    let libvirt = try await SASLLibvirt([ann])
    defer { libvirt.end() }
    // There is no such guest: that libvirt says so shows that it let the guard in.
    for (account, answer) in [(ann, "failed to get domain"), (wrong, "authentication failed")] {
      let error = #expect(throws: LibvirtTestFailure.self) {
        try libvirt.virsh(["dominfo", "none"], as: account)
      }
      #expect(error?.description.contains(answer) == true, "\(error.debugDescription)")
    }
  }

  @Test(.enabled(if: LibvirtTestSite.isAvailable))
  func `a libvirt that asks for nobody says so`() async throws {
    #expect(try await Self.hypervisor(LibvirtTestSite.uri).tryAccount(ann) == false)
  }
}
