// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import RecoveryModel
import Testing

/// A site of two hosts.
struct HostGroupTests {
  let first = FakeHypervisor(name: "site", hostName: "kvm1")
  let second = FakeHypervisor(name: "site", hostName: "kvm2")
  let group: HostGroup
  let hub = EventHub()

  init() { group = HostGroup([first, second], at: ["kvm1", "kvm2"], events: hub) }

  @Test func `a VM is found where it runs, before and after a live migration`() async throws {
    let vm = await first.add("web1", disks: 1)
    #expect(try await group.virtualMachine(vm)?.host == first.host)
    await second.takeOver(vm, from: first)
    #expect(try await group.virtualMachine(vm)?.host == second.host)
    try await group.attachTap(
      to: VolumeIdentifier("scsi:0:0"),
      of: vm,
      socketPath: "/s",
      exportName: "x",
      streams: [StreamIdentifier("s")]
    )
    #expect(await first.placed.isEmpty)
    #expect(try await group.taps(of: vm).count == 1)
    #expect(try await group.inventory().virtualMachines.map(\.host) == [second.host])
  }

  @Test func `while a host is silent only VMs that run elsewhere are certain`() async throws {
    let here = await first.add("web1", disks: 1)
    let there = await second.add("db1", disks: 1)
    let off = await first.add("app1", disks: 1)
    await first.setPower(.off, of: off)
    await second.setSilent(true)
    #expect(try await group.power(of: here) == .running)
    for vm in [there, off, VMIdentifier("site.vm-nobody")] {
      await #expect(throws: HypervisorError.unreachable("nobody there")) {
        try await group.power(of: vm)
      }
    }
    await #expect(throws: HypervisorError.unreachable("nobody there")) {
      try await group.start(off)
    }
    #expect(await first.machines[off]?.power == .off)
    await #expect(throws: HypervisorError.unreachable("nobody there")) {
      try await group.remove(off)
    }
  }

  @Test func `a VM that runs here is removed while another host is silent`() async throws {
    let here = await first.add("web1", disks: 1)
    await second.setSilent(true)
    try await group.remove(here)
    #expect(await first.machines.isEmpty)
  }

  @Test func `a VM that is paused here may run at the host that is silent`() async throws {
    let vm = await first.add("web1", disks: 1)
    await first.setPower(.paused, of: vm)
    await second.setSilent(true)
    await #expect(throws: HypervisorError.unreachable("nobody there")) {
      try await group.remove(vm)
    }
  }

  @Test func `a host that became silent is shown as it was, and one never seen hides nothing`()
    async throws
  {
    _ = await first.add("web1", disks: 1)
    _ = await second.add("db1", disks: 1)
    await second.setSilent(true)
    await #expect(throws: HypervisorError.unreachable("nobody there")) {
      try await group.inventory()
    }
    await second.setSilent(false)
    let whole = try await group.inventory()
    await second.setSilent(true)
    let inventory = try await group.inventory()
    #expect(inventory.virtualMachines == whole.virtualMachines)
    #expect(inventory.hosts.map(\.isConnected) == [true, false])
    await first.setSilent(true)
    await #expect(throws: HypervisorError.unreachable("nobody there")) {
      try await group.inventory()
    }
  }

  @Test func `networks of one name are one, with their hosts, and so is the folder`() async throws {
    let inventory = try await group.inventory()
    #expect(inventory.networks.map(\.hosts) == [[first.host, second.host]])
    #expect(inventory.folders.count == 1)
    #expect(inventory.datastores.map(\.host) == [first.host, second.host])
  }

  @Test func `removing a VM takes the definition with it that a migration left behind`()
    async throws
  {
    let vm = await first.add("web1", disks: 1)
    await second.takeOver(vm, from: first)
    try await group.remove(vm)
    try await group.remove(vm)
    #expect(await first.machines.isEmpty)
    #expect(await second.machines.isEmpty)
    await #expect(throws: HypervisorError.noSuchVM(vm)) { try await group.start(vm) }
  }

  @Test func `a VM is recovered on the host that was chosen, and on none that is unknown`()
    async throws
  {
    var wish = RecoveredVM(
      name: "web1",
      uuid: "1",
      host: second.host,
      hardware: VMHardware(
        memoryInMB: 1,
        cpuCount: 1,
        architecture: "x86_64",
        machine: "q35",
        hasGuestAgent: false,
        macAddresses: []
      ),
      disks: [],
      nics: []
    )
    let vm = try await group.startRecoveredVM(wish)
    #expect(await second.machines[vm]?.power == .running)
    wish.host = HostIdentifier("site.host-kvm3")
    await #expect(throws: HypervisorError.self) { try await group.startRecoveredVM(wish) }
    #expect(await first.machines.isEmpty)
  }

  @Test(.timeLimit(.minutes(2)))
  func `events of all hosts reach who listens to the group`() async {
    let events = group.events()
    hub.send(.inventoryChanged)
    for await event in events {
      #expect(event == .inventoryChanged)
      break
    }
  }
}
