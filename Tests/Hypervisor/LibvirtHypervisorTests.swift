// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Hypervisor
import LibvirtHypervisor
import Logging
import RecoveryModel
import Testing

/// The libvirt adapter against a real libvirt and QEMU, with `nbdkit` in the appliance's place.
@Suite(.serialized, .enabled(if: LibvirtTestSite.isAvailable), .timeLimit(.minutes(5)))
struct LibvirtHypervisorTests {
  private let data = VolumeIdentifier("scsi:0:1")
  private let stream = StreamIdentifier("44444444-0000-4000-8000-000000000004")

  @Test func `the inventory tells hosts, pools, networks and VMs by this connection's names`()
    async throws
  {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let name = "\(bench.prefix)-net"
    try bench.startNetwork(name)
    let vm = try bench.defineVM("vm", network: name)
    _ = try bench.virsh("pool-define-as", bench.prefix, "dir", "--target", bench.folder)
    bench.atEnd { _ = try? bench.virsh("pool-undefine", bench.prefix) }
    _ = try bench.virsh("pool-start", bench.prefix)
    bench.atEnd { _ = try? bench.virsh("pool-destroy", bench.prefix) }

    let guid = try bench.hypervisorGUID()
    let inventory = try await bench.hypervisor.inventory()
    #expect(inventory.hosts.count == 1)
    #expect(inventory.hosts[0].version.hasPrefix("QEMU "))
    #expect(inventory.networks.contains { $0.identifier.rawValue == "\(guid).network-\(name)" })
    #expect(inventory.resourcePools.map(\.identifier.rawValue) == ["\(guid).resgroup-root"])
    let pool = DatastoreIdentifier("\(guid).datastore-\(bench.prefix)")
    let store = try #require(inventory.datastores.first { $0.identifier == pool })
    #expect(store.path == bench.folder)
    #expect(store.freeInBytes > 0 && store.freeInBytes <= store.capacityInBytes)
    let machine = try #require(inventory.virtualMachines.first { $0.identifier == vm })
    #expect(machine.power == .off)
    #expect(machine.disks.map(\.byteCount) == [96 << 20, 64 << 20])
    #expect(machine.disks.map(\.datastore) == [pool, pool])
    #expect(machine.disks[0].allocatedByteCount > 0)
    #expect(try await bench.hypervisor.virtualMachine(vm) == machine)
    try await bench.hypervisor.start(vm)
    let run = try #require(try await bench.hypervisor.virtualMachine(vm)?.runIdentifier)
    try await eventually("the guest has an address") {
      let card = try await bench.hypervisor.virtualMachine(vm)?.nics.first
      #expect(card?.identifier == NICIdentifier("Network adapter 1"))
      #expect(card?.network == NetworkIdentifier("\(guid).network-\(name)"))
      return card?.addresses.first?.hasPrefix("10.") == true
    }
    #expect(try await bench.hypervisor.shutDown(vm, timeoutInSeconds: 0, force: true))
    try await bench.hypervisor.start(vm)
    #expect(try await bench.hypervisor.virtualMachine(vm)?.runIdentifier != run)
    try await bench.hypervisor.pause(vm)
    #expect(try await bench.hypervisor.power(of: vm) == .paused)
    #expect(try await bench.hypervisor.shutDown(vm, timeoutInSeconds: 0, force: true))
    // One that is off stays so.
    try await bench.hypervisor.pause(vm)
    #expect(try await bench.hypervisor.power(of: vm) == .off)
    let foreign = VMIdentifier("x.vm-\(bench.uuid(vm))")
    #expect(try await bench.hypervisor.virtualMachine(foreign) == nil)
    #expect(try await bench.hypervisor.taps(of: vm) == [:])
    await #expect(throws: HypervisorError.notRunning(vm)) {
      try await bench.hypervisor.attachTap(
        to: data,
        of: vm,
        socketPath: bench.socket("tap"),
        exportName: "x",
        streams: [stream]
      )
    }
  }

  @Test func `a tap takes the guest's writes, and can be attached again when its server has died`()
    async throws
  {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let vm = try bench.defineVM("vm")
    try await bench.hypervisor.start(vm)
    let target = "\(bench.folder)/target.raw"
    try runToEnd(["truncate", "-s", "64M", target])
    let server = try await bench.startServer("tap", "file", target)
    let events = bench.hypervisor.events()
    try await attach(bench, vm)
    #expect(try await bench.hypervisor.taps(of: vm) == [data: .ready])
    try await eventually("the guest's writes arrive") {
      try #require(Int(try runToEnd(["stat", "-c", "%b", target]).dropLast())) > 0
    }
    // Again with the same arguments: it is found done.
    try await attach(bench, vm)

    kill(server.processIdentifier, SIGKILL)
    for await event in events where event == .tapBroken(vm) {
      if try await bench.hypervisor.taps(of: vm) == [data: .broken] { break }
    }
    try await bench.awaitWrite(vm, "vdb", within: 5)

    _ = try await bench.startServer("tap", "memory", "64M")
    try await attach(bench, vm)
    try await bench.awaitWrite(vm, "vdb", within: 5)
    #expect(try await bench.hypervisor.taps(of: vm) == [data: .ready])
    try await bench.hypervisor.detachTap(from: data, of: vm)
    try await bench.hypervisor.detachTap(from: data, of: vm)
    #expect(try await bench.hypervisor.taps(of: vm) == [:])
    try await bench.awaitWrite(vm, "vdb", within: 5)
  }

  @Test func `a server that hangs holds the guest no longer than until the tap is cut`()
    async throws
  {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let vm = try bench.defineVM("vm")
    try await bench.hypervisor.start(vm)
    let server = try await bench.startServer("tap", "memory", "64M")
    try await attach(bench, vm)
    try await bench.awaitWrite(vm, "vdb")
    kill(server.processIdentifier, SIGSTOP)
    try await eventually("the guest is held") {
      let before = try bench.writeCount(vm, "vdb")
      try await Task.sleep(for: .seconds(2))
      return try bench.writeCount(vm, "vdb") == before
    }
    let began = ContinuousClock.now
    try await bench.hypervisor.cutTap(of: data, of: vm)
    #expect(ContinuousClock.now - began < .seconds(1))
    try await bench.awaitWrite(vm, "vdb", within: 2)
    #expect(try await bench.hypervisor.taps(of: vm) == [data: .broken])
    // The server still hangs: a new tap on it is refused, soon, and nothing of it stays.
    await #expect(throws: HypervisorError.self) { try await attach(bench, vm) }
    #expect(try await bench.hypervisor.taps(of: vm) == [:])
    try await bench.awaitWrite(vm, "vdb", within: 2)
    kill(server.processIdentifier, SIGCONT)
    try await attach(bench, vm)
    // Detaching cuts first, so it does not hang either.
    kill(server.processIdentifier, SIGSTOP)
    try await bench.hypervisor.detachTap(from: data, of: vm)
    try await bench.awaitWrite(vm, "vdb", within: 2)
  }

  @Test func `a tapped disk's live content can be pulled, as often as wanted`() async throws {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let vm = try bench.defineVM("vm")
    try await bench.hypervisor.start(vm)
    _ = try await bench.startServer("tap", "memory", "64M")
    try await attach(bench, vm)
    try await bench.awaitWrite(vm, "vdb")
    for path in ["pull", "other"].map(bench.socket) {
      let boot = VolumeIdentifier("scsi:0:0")
      let names = try await bench.hypervisor.openPull(
        of: [boot, data],
        of: vm,
        socketPath: path,
        stream: stream
      )
      let name = try #require(names[boot])
      let copy = "\(bench.folder)/pulled.raw"
      // The partition table and the boot loader's files are not written by the guest.
      try runToEnd(["nbdcopy", "nbd+unix:///\(name)?socket=\(path)", copy])
      try runToEnd(["cmp", "-n", "30000000", copy, "\(bench.folder)/vm-vda.raw"])
    }
    #expect(try await bench.hypervisor.taps(of: vm) == [data: .ready])
    try await bench.hypervisor.closePull(of: vm, stream: stream)
    try await bench.hypervisor.closePull(of: vm, stream: stream)
    #expect(throws: LibvirtTestFailure.self) {
      try runToEnd(["nbdinfo", "--size", address("vda", at: bench.socket("other"))])
    }
  }

  @Test func `two streams of a VM are synced at the same time, each to its own end`() async throws {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let vm = try bench.defineVM("vm")
    let hypervisor = bench.hypervisor
    try await hypervisor.start(vm)
    _ = try await bench.startServer("tap", "memory", "64M")
    let both = [stream, StreamIdentifier("other")]
    try await attach(bench, vm, streams: both)
    let path = bench.socket("pull")
    func size(_ stream: StreamIdentifier) throws -> String {
      try runToEnd(["nbdinfo", "--size", address("vdb", of: stream, at: path)])
    }
    for stream in both {
      try await hypervisor.beginChangeMaps(
        of: [data],
        of: vm,
        stream: stream,
        floor: SequenceNumber(3),
        known: [:]
      )
      try await hypervisor.dropOlderChangeMaps(of: [data], of: vm, stream: stream)
      let export = try await hypervisor.openChangedPull(
        of: [data],
        of: vm,
        socketPath: path,
        stream: stream,
        floor: SequenceNumber(4)
      )[data]
      #expect(export?.changes?.contains("-\(stream)@") == true)
    }
    for stream in both { #expect(try size(stream) == "67108864\n") }
    try await hypervisor.closePull(of: vm, stream: both[0])
    #expect(throws: LibvirtTestFailure.self) { try size(both[0]) }
    #expect(try size(both[1]) == "67108864\n")
    // Another socket: what is left on the old one is ended.
    _ = try await hypervisor.openPull(
      of: [data],
      of: vm,
      socketPath: bench.socket("moved"),
      stream: both[0]
    )
    #expect(throws: LibvirtTestFailure.self) { try size(both[1]) }
    for stream in both { try await hypervisor.closePull(of: vm, stream: stream) }
  }

  @Test func `maps of changes outlive taps, and name what was written`() async throws {
    let bench = try LibvirtTestBench()
    defer { bench.end() }
    let vm = try bench.defineVM("vm")
    let hypervisor = bench.hypervisor
    func numbers(_ stream: StreamIdentifier) async throws -> [Int] {
      try await hypervisor.changeMaps(of: vm, stream: stream)[data]?.map(\.number) ?? []
    }
    #expect(try await hypervisor.changeMaps(of: vm, stream: stream) == [:])
    try await hypervisor.start(vm)
    let server = try await bench.startServer("tap", "memory", "64M")
    try await attach(bench, vm)
    #expect(try await numbers(stream) == [0])
    // A first map knows nothing of what was before it.
    let pull = bench.socket("pull")
    let all = try await openChangedPull(bench, vm)
    #expect(all == ChangedExport(name: "\(stream)/vdb", changes: nil))
    try await hypervisor.closePull(of: vm, stream: stream)

    let floor = SequenceNumber(7)
    for _ in 1...2 {
      try await hypervisor.beginChangeMaps(
        of: [data],
        of: vm,
        stream: stream,
        floor: floor,
        known: [:]
      )
    }
    #expect(try await numbers(stream) == [0, 1])
    for _ in 1...2 {
      try await hypervisor.dropOlderChangeMaps(of: [data], of: vm, stream: stream)
    }
    #expect(try await numbers(stream) == [1])
    #expect(try await hypervisor.changeMaps(of: vm, stream: stream)[data]?.first?.floor == floor)

    kill(server.processIdentifier, SIGKILL)
    try await hypervisor.detachTap(from: data, of: vm)
    try await bench.awaitWrite(vm, "vdb")
    for round in 1...2 {
      let export = try await openChangedPull(bench, vm)
      let context = try #require(export.changes)
      #expect(context.hasPrefix("qemu:dirty-bitmap:us-1-7-67108864-\(stream)@"))
      let map = try runToEnd(["nbdinfo", "--map=\(context)", address("vdb", at: pull)])
      #expect(map.contains("dirty") && map.contains("clean"))
      #expect(try await numbers(stream) == [1, 1 + round])
    }
    try await hypervisor.closePull(of: vm, stream: stream)

    _ = try await bench.startServer("tap", "memory", "64M")
    try await attach(bench, vm)
    #expect(try await numbers(stream) == [1, 3])
    try await hypervisor.detachTap(from: data, of: vm)
    let other = StreamIdentifier("other")
    try await attach(bench, vm, streams: [stream, other])
    #expect(try await numbers(stream) == [1, 3])
    #expect(try await numbers(other) == [0])
    try await hypervisor.detachTap(from: data, of: vm)
    try await attach(bench, vm, streams: [other])
    #expect(try await numbers(stream) == [])
    #expect(try await numbers(other) == [0])
    try await hypervisor.detachTap(from: data, of: vm)
    try await hypervisor.dropChangeMaps(of: data, of: vm, stream: stream)
    #expect(try await numbers(other) == [0])
    try await hypervisor.dropChangeMaps(of: data, of: vm, stream: other)
    #expect(try await numbers(other) == [])
  }

  /// Where a sync of a stream finds a disk.
  private func address(
    _ target: String,
    of stream: StreamIdentifier? = nil,
    at socketPath: String
  ) -> String { "nbd+unix:///\(stream ?? self.stream)/\(target)?socket=\(socketPath)" }

  private func openChangedPull(
    _ bench: LibvirtTestBench,
    _ vm: VMIdentifier
  ) async throws -> ChangedExport {
    let exports = try await bench.hypervisor.openChangedPull(
      of: [data],
      of: vm,
      socketPath: bench.socket("pull"),
      stream: stream,
      floor: SequenceNumber(9)
    )
    return try #require(exports[data])
  }

  private func attach(
    _ bench: LibvirtTestBench,
    _ vm: VMIdentifier,
    streams: [StreamIdentifier]? = nil
  ) async throws {
    try await bench.hypervisor.attachTap(
      to: data,
      of: vm,
      socketPath: bench.socket("tap"),
      exportName: data.rawValue,
      streams: streams ?? [stream]
    )
  }
}
