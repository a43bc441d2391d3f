// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Hypervisor
import LibvirtHypervisor
import RecoveryModel
import Testing

/// Recovered VMs at a real libvirt, with `nbdkit` in the place of the appliance's exports.
extension LibvirtHypervisorTests {
  @Test func `a recovered VM starts from exports, moves onto its replicas while it runs, and goes`()
    async throws
  {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let specification = try await recovered(bench)
    let hypervisor = bench.hypervisor
    let vm = try await hypervisor.startRecoveredVM(specification)
    #expect(try await hypervisor.startRecoveredVM(specification) == vm)
    var other = specification
    other.uuid = UUID().uuidString.lowercased()
    await #expect(throws: HypervisorError.nameTaken(specification.name)) {
      try await hypervisor.startRecoveredVM(other)
    }
    try await bench.awaitWrite(vm, "vdb")

    // As if an earlier try had been killed: with one disk in the middle of the copy, and the
    // other on its second overlay already.
    for (disk, pivots) in zip(specification.disks, [false, true]) {
      try beginCopy(bench, vm, disk, pivots: pivots)
    }
    try await hypervisor.adoptReplicas(of: vm, disks: specification.disks)
    try await hypervisor.adoptReplicas(of: vm, disks: specification.disks)
    let paths = specification.disks.map(\.replicaPath)
    #expect(try await hypervisor.virtualMachine(vm)?.disks.map(\.path) == paths)
    for flag in ["--inactive", "--security-info"] {
      let xml = try bench.virsh("dumpxml", flag, bench.uuid(vm))
      #expect(paths.allSatisfy(xml.contains))
      #expect(!xml.contains("qcow2") && !xml.contains("nbd"))
    }
    bench.stopServers()
    for disk in specification.disks {
      try FileManager.default.removeItem(atPath: disk.overlayPath)
      try FileManager.default.removeItem(atPath: disk.adoptionPath)
    }
    try await bench.awaitWrite(vm, "vdb", within: 10)
    try await bench.awaitWrite(vm, "vda", within: 10)

    let events = hypervisor.events()
    #expect(try await hypervisor.shutDown(vm, timeoutInSeconds: 60, force: false))
    for await event in events where event == .stopped(vm) { break }
    try await hypervisor.start(vm)
    #expect(try await hypervisor.virtualMachine(vm)?.power == .running)
    // The guest has not booted: it hears nothing, and only force ends it.
    #expect(try await !hypervisor.shutDown(vm, timeoutInSeconds: 0, force: false))
    #expect(try await hypervisor.shutDown(vm, timeoutInSeconds: 0, force: true))
    try await hypervisor.remove(vm)
    try await hypervisor.remove(vm)
    #expect(try await hypervisor.virtualMachine(vm) == nil)
    #expect(paths.allSatisfy(FileManager.default.fileExists))
  }

  @Test func `a recovered VM's network keeps its address, until the VM goes`() async throws {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let hypervisor = bench.hypervisor
    let prefix = try bench.startNetwork(bench.prefix)
    var specification = try await recovered(bench)
    let network = NetworkIdentifier("\(try bench.hypervisorGUID()).network-\(bench.prefix)")
    let mac = specification.nics[0].macAddress
    // Not of the range that the network gives from: only a reservation leads there.
    specification.nics[0].network = network
    specification.nics[0].reservedAddress = "\(prefix).77"
    let vm = try await hypervisor.startRecoveredVM(specification)
    #expect(try await hypervisor.startRecoveredVM(specification) == vm)
    #expect(try await hypervisor.reservedAddress(of: mac, on: network) == "\(prefix).77")
    for flag in [[], ["--inactive"]] {
      let xml = try bench.virsh(["net-dumpxml"] + flag + [bench.prefix])
      #expect(xml.split(separator: "\(prefix).77").count == 2)
    }
    try await eventually("the guest has the address") {
      try await hypervisor.virtualMachine(vm)?.nics[0].addresses == ["\(prefix).77"]
    }
    try await hypervisor.remove(vm)
    for flag in [[], ["--inactive"]] {
      let xml = try bench.virsh(["net-dumpxml"] + flag + [bench.prefix])
      let isKept = xml.contains("\(prefix).77")
      #expect(!isKept)
    }
  }

  @Test func `another's reservation stays, and one that cannot be made stops nobody`() async throws
  {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let hypervisor = bench.hypervisor
    let prefix = try bench.startNetwork(bench.prefix)
    var specification = try await recovered(bench)
    let network = NetworkIdentifier("\(try bench.hypervisorGUID()).network-\(bench.prefix)")
    let mac = specification.nics[0].macAddress
    specification.nics[0].network = network
    specification.nics[0].reservedAddress = "\(prefix).77"
    for owner in [mac, "52:54:00:00:00:99"] {
      let host = try bench.file("host.xml", "<host mac='\(owner)' ip='\(prefix).77'/>")
      let update = ["net-update", bench.prefix]
      let flags = ["ip-dhcp-host", "--xml", host, "--live", "--config"]
      _ = try bench.virsh(update + ["add"] + flags)
      let vm = try await hypervisor.startRecoveredVM(specification)
      let kept = try await hypervisor.reservedAddress(of: mac, on: network)
      let expected = owner == mac ? "\(prefix).77" : nil
      #expect(kept == expected)
      try await hypervisor.remove(vm)
      #expect(try bench.virsh("net-dumpxml", bench.prefix).contains(owner))
      _ = try bench.virsh(update + ["delete"] + flags)
    }
  }

  @Test func `a recovered VM on a network that does not exist is refused and leaves nothing`()
    async throws
  {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    var specification = try await recovered(bench)
    let network = NetworkIdentifier("\(try bench.hypervisorGUID()).network-\(bench.prefix)")
    specification.nics[0].network = network
    await #expect(throws: HypervisorError.noSuchNetwork(network)) {
      try await bench.hypervisor.startRecoveredVM(specification)
    }
    specification.nics = []
    try FileManager.default.removeItem(atPath: specification.disks[0].overlayPath)
    await #expect(throws: HypervisorError.self) {
      try await bench.hypervisor.startRecoveredVM(specification)
    }
    #expect(throws: LibvirtTestFailure.self) { try bench.virsh("domid", specification.uuid) }
  }

  /// Serves two replicas read only, with an overlay on each.
  private func recovered(_ bench: LibvirtTestBench) async throws -> RecoveredVM {
    let replicas = try bench.makeDisks("replica")
    var disks: [RecoveredVM.Disk] = []
    for (target, replica) in zip(["vda", "vdb"], replicas) {
      _ = try await bench.startServer(target, "-r", "file", replica)
      let overlay = "\(bench.folder)/\(target).qcow2"
      try runToEnd([
        "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
        "nbd+unix:///x?socket=\(bench.socket(target))", overlay,
      ])
      let adoption = overlay + ".adopting"
      try runToEnd([
        "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", replica, adoption,
      ])
      disks.append(
        RecoveredVM.Disk(
          target: target,
          overlayPath: overlay,
          exportSocketPath: bench.socket(target),
          exportName: "x",
          replicaPath: replica,
          adoptionPath: adoption
        )
      )
    }
    let uuid = UUID().uuidString.lowercased()
    bench.atEnd {
      _ = try? bench.virsh("destroy", uuid)
      _ = try? bench.virsh("undefine", uuid)
    }
    let address = "52:54:00:12:34:56"
    return RecoveredVM(
      name: "\(bench.prefix)-recovered",
      uuid: uuid,
      host: HostIdentifier("any"),
      hardware: VMHardware(
        memoryInMB: 128,
        cpuCount: 1,
        architecture: "x86_64",
        machine: "pc",
        hasGuestAgent: true,
        macAddresses: [address]
      ),
      disks: disks,
      nics: [RecoveredVM.NIC(macAddress: address, network: nil)]
    )
  }

  private func beginCopy(
    _ bench: LibvirtTestBench,
    _ vm: VMIdentifier,
    _ disk: RecoveredVM.Disk,
    pivots: Bool
  ) throws {
    let xml = """
      <disk type='file'><driver name='qemu' type='qcow2'/><source file='\(disk.adoptionPath)'/>
      <backingStore type='file'><format type='raw'/><source file='\(disk.replicaPath)'/>
      <backingStore/></backingStore></disk>
      """
    let copy = [
      "blockcopy", bench.uuid(vm), disk.target, "--xml",
      try bench.file("\(disk.target)-copy.xml", xml), "--shallow", "--reuse-external",
      "--transient-job",
    ]
    _ = try bench.virsh(copy + (pivots ? ["--wait", "--pivot"] : []))
  }
}
