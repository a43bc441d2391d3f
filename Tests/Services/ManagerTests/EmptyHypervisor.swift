// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import RecoveryModel

/// A hypervisor of one host, one datastore and one network, without VMs unless they are put there:
/// enough for everything around the data path.
struct EmptyHypervisor: Hypervisor {
  let name: String
  var machines: [VirtualMachine] = []

  init(name: String) { self.name = name }

  func tryAccount(_ account: HypervisorAccount) -> Bool { false }
  func use(_ account: HypervisorAccount) {}

  func inventory() -> Inventory {
    Inventory(
      hosts: [
        .init(
          identifier: HostIdentifier("\(name).host-1"),
          name: name,
          version: "none",
          isConnected: true
        )
      ],
      datastores: [
        .init(
          identifier: DatastoreIdentifier("\(name).datastore-1"),
          host: HostIdentifier("\(name).host-1"),
          name: "one",
          path: "/nowhere",
          capacityInBytes: 0,
          freeInBytes: 0
        )
      ],
      networks: [
        .init(
          identifier: NetworkIdentifier("\(name).network-1"),
          hosts: [HostIdentifier("\(name).host-1")],
          name: "net-\(name)"
        )
      ],
      folders: [.init(identifier: FolderIdentifier("\(name).group-root"), name: "/")],
      virtualMachines: machines
    )
  }

  func version() -> String { "none" }

  func usage(of machines: [VMIdentifier]) -> [VMIdentifier: VMUsage] { [:] }

  func power(of vm: VMIdentifier) -> VirtualMachine.PowerState? { nil }

  func virtualMachine(_ vm: VMIdentifier) -> VirtualMachine? {
    machines.first { $0.identifier == vm }
  }

  func events() -> AsyncStream<HypervisorEvent> { AsyncStream { $0.finish() } }

  func isGuestAgentConnected(in vm: VMIdentifier) -> Bool { false }

  func taps(of vm: VMIdentifier) throws(HypervisorError) -> [VolumeIdentifier: TapState] {
    throw .noSuchVM(vm)
  }

  func attachTap(
    to volume: VolumeIdentifier,
    of vm: VMIdentifier,
    socketPath: String,
    exportName: String,
    streams: [StreamIdentifier]
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func detachTap(
    from volume: VolumeIdentifier,
    of vm: VMIdentifier
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func cutTap(of volume: VolumeIdentifier, of vm: VMIdentifier) throws(HypervisorError) {
    throw .noSuchVM(vm)
  }

  func openPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier
  ) throws(HypervisorError) -> [VolumeIdentifier: String] { throw .noSuchVM(vm) }

  func closePull(of vm: VMIdentifier, stream: StreamIdentifier) throws(HypervisorError) {
    throw .noSuchVM(vm)
  }

  func endTapsOfGoneDisks(of vm: VMIdentifier) throws(HypervisorError) { throw .noSuchVM(vm) }

  func changeMaps(
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) throws(HypervisorError) -> [VolumeIdentifier: [ChangeMap]] { throw .noSuchVM(vm) }

  func openChangedPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier,
    floor: SequenceNumber
  ) throws(HypervisorError) -> [VolumeIdentifier: ChangedExport] { throw .noSuchVM(vm) }

  func beginChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier,
    floor: SequenceNumber,
    known: [VolumeIdentifier: UInt64]
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func restartChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func dropOlderChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func dropChangeMaps(
    of volume: VolumeIdentifier,
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func isAgentAnswering(in vm: VMIdentifier) -> Bool { false }

  func guestSystem(in vm: VMIdentifier) throws(HypervisorError) -> GuestSystem {
    throw .noSuchVM(vm)
  }

  func run(
    _ program: GuestProgram,
    in vm: VMIdentifier,
    timeoutInSeconds: Int
  ) throws(HypervisorError) -> GuestProgram.End { throw .noSuchVM(vm) }

  func freezeFileSystems(
    of vm: VMIdentifier,
    timeoutInSeconds: Int
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func thawFileSystems(of vm: VMIdentifier) {}

  func blueprint(of vm: VMIdentifier) throws(HypervisorError) -> VMBlueprint {
    throw .noSuchVM(vm)
  }

  func startRecoveredVM(_ specification: RecoveredVM) throws(HypervisorError) -> VMIdentifier {
    throw .failed(operation: "start", reason: "there is nothing here")
  }

  func define(_ specification: ClonedVM) throws(HypervisorError) -> VMIdentifier {
    throw .failed(operation: "define", reason: "there is nothing here")
  }

  func reservedAddress(of macAddress: String, on network: NetworkIdentifier) -> String? { nil }

  func adoptReplicas(
    of vm: VMIdentifier,
    disks: [RecoveredVM.Disk]
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func layOverlays(
    _ overlays: [DiskOverlay],
    on vm: VMIdentifier
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func takeOverlays(
    _ overlays: [DiskOverlay],
    off vm: VMIdentifier
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func commitOverlays(
    _ overlays: [DiskOverlay],
    of vm: VMIdentifier
  ) throws(HypervisorError) { throw .noSuchVM(vm) }

  func start(_ vm: VMIdentifier) throws(HypervisorError) { throw .noSuchVM(vm) }
  func pause(_ vm: VMIdentifier) throws(HypervisorError) { throw .noSuchVM(vm) }

  func shutDown(
    _ vm: VMIdentifier,
    timeoutInSeconds: Int,
    force: Bool
  ) throws(HypervisorError) -> Bool { throw .noSuchVM(vm) }

  func remove(_ vm: VMIdentifier) throws(HypervisorError) {}
}
