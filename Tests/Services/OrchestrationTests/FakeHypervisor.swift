// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Hypervisor
import RecoveryModel

/// A hypervisor of one host with VMs that exist in memory only.
actor FakeHypervisor: Hypervisor {
  struct Tap: Equatable {
    var socketPath: String
    var state: TapState
  }

  let name: String
  let hostName: String
  private(set) var machines: [VMIdentifier: VirtualMachine] = [:]
  private(set) var placed: [VMIdentifier: [VolumeIdentifier: Tap]] = [:]
  private(set) var maps: [VMIdentifier: [VolumeIdentifier: [ChangeMap]]] = [:]
  private(set) var recovered: [RecoveredVM] = []
  private(set) var attachCount = 0
  /// The streams that taps were last attached for.
  private(set) var fed: [VMIdentifier: [StreamIdentifier]] = [:]
  /// Streams whose syncs a VM's disks are offered to.
  private(set) var pulls: [VMIdentifier: Set<StreamIdentifier>] = [:]
  private(set) var cutCount = 0
  private var ignoresShutdown = false
  private var hangs = false
  private let (queue, entrance) = AsyncStream<HypervisorEvent>.makeStream()

  /// - Parameters:
  ///   - name: What identifiers begin with.
  ///   - hostName: The host's.
  init(name: String, hostName: String = "kvm1") {
    self.name = name
    self.hostName = hostName
  }

  nonisolated var host: HostIdentifier { HostIdentifier("\(name).host-\(hostName)") }
  /// That of another host is the same storage, at the same path.
  nonisolated var datastore: DatastoreIdentifier {
    DatastoreIdentifier("\(name).\(hostName == "kvm1" ? "" : "\(hostName)-")datastore-one")
  }
  /// Another one, for VPGs that do not leave the site.
  nonisolated var secondDatastore: DatastoreIdentifier {
    DatastoreIdentifier("\(name).datastore-two")
  }
  private var hasSecondDatastore = false
  func addSecondDatastore() { hasSecondDatastore = true }
  nonisolated var network: NetworkIdentifier { NetworkIdentifier("\(name).network-test") }
  nonisolated var folder: FolderIdentifier { FolderIdentifier("\(name).group-root") }

  /// Has guests stay up unless their power is cut.
  func setIgnoresShutdown(_ ignores: Bool) { ignoresShutdown = ignores }

  /// Has questions about VMs and the inventory wait.
  func setHanging(_ hangs: Bool) {
    self.hangs = hangs
    guard !hangs else { return }
    for caller in waiting { caller.finish() }
    waiting = []
  }
  private var waiting: [AsyncStream<Never>.Continuation] = []

  /// Has questions about power and the inventory fail.
  func setSilent(_ isSilent: Bool) { self.isSilent = isSilent }
  private var isSilent = false

  private func waitWhileHanging() async {
    guard hangs else { return }
    let (answer, caller) = AsyncStream<Never>.makeStream()
    waiting.append(caller)
    // It also ends when the caller is cancelled.
    for await _ in answer {}
  }

  nonisolated let accounts = FakeAccounts()

  private var usages: [VMIdentifier: VMUsage] = [:]
  func setUsage(_ usage: VMUsage?, of vm: VMIdentifier) { usages[vm] = usage }
  func usage(of machines: [VMIdentifier]) -> [VMIdentifier: VMUsage] {
    usages.filter { machines.contains($0.key) }
  }

  func add(_ name: String, disks: Int) -> VMIdentifier {
    let vm = VMIdentifier("\(self.name).vm-\(name)")
    machines[vm] = VirtualMachine(
      identifier: vm,
      name: name,
      host: host,
      power: .running,
      runIdentifier: 1,
      hardware: VMHardware(
        memoryInMB: 192,
        cpuCount: 1,
        architecture: "x86_64",
        machine: "q35",
        hasGuestAgent: true,
        macAddresses: ["52:54:00:00:00:01"]
      ),
      disks: (0..<disks).map {
        var disk = VirtualMachine.Disk(
          identifier: VolumeIdentifier("scsi:0:\($0)"),
          target: "vd\($0)",
          byteCount: 1 << 26,
          allocatedByteCount: 0,
          path: "/stores/\(self.name)/\(name)-\($0).raw",
          datastore: datastore
        )
        disk.fileFormat = "raw"
        return disk
      },
      nics: [
        VirtualMachine.NIC(
          identifier: NICIdentifier("Network adapter 1"),
          macAddress: "52:54:00:00:00:01",
          network: network,
          addresses: []
        )
      ]
    )
    return vm
  }

  /// Has a VM of another host run here, as after a live migration: it has nothing of ours.
  func takeOver(_ vm: VMIdentifier, from other: FakeHypervisor) async {
    machines[vm] = await other.machines[vm]
    machines[vm]?.host = host
    await other.setPower(.off, of: vm)
    setPower(.running, of: vm)
  }

  private var datastoreFault: String?
  func setDatastoreFault(_ fault: String?) { datastoreFault = fault }
  func setLimits(_ limits: VMLimits, of vm: VMIdentifier) { machines[vm]?.limits = limits }

  func addDisk(to vm: VMIdentifier) {
    guard var disk = machines[vm]?.disks.last, let count = machines[vm]?.disks.count else { return }
    disk.identifier = VolumeIdentifier("scsi:0:\(count)")
    disk.target = "vd\(count)"
    machines[vm]?.disks.append(disk)
  }

  func growDisk(of vm: VMIdentifier) { machines[vm]?.disks[0].byteCount *= 2 }

  func removeDisk(_ index: Int, of vm: VMIdentifier) { machines[vm]?.disks.remove(at: index) }

  func setDisk(_ index: Int, of vm: VMIdentifier, path: String) {
    machines[vm]?.disks[index].path = path
  }

  func rename(_ vm: VMIdentifier, to name: String) { machines[vm]?.name = name }

  /// Guests that were frozen while they were.
  private(set) var frozenTwice: Set<VMIdentifier> = []

  /// What a recovered VM has written.
  func setAllocated(_ byteCount: UInt64, of vm: VMIdentifier) {
    machines[vm]?.disks[0].allocatedByteCount = byteCount
  }

  func setPower(_ power: VirtualMachine.PowerState, of vm: VMIdentifier) {
    machines[vm]?.power = power
    if power == .off { placed[vm] = nil }
    entrance.yield(power == .off ? .stopped(vm) : .started(vm))
  }

  /// What QEMU does when the tap's server goes away.
  func breakTaps() {
    placed = placed.mapValues { taps in
      taps.mapValues { Tap(socketPath: $0.socketPath, state: .broken) }
    }
  }

  func readyVolumes() -> Set<VolumeIdentifier> {
    Set(placed.values.flatMap { $0.filter { $0.value.state == .ready }.keys })
  }

  // MARK: Hypervisor

  func inventory() async throws(HypervisorError) -> Inventory {
    await waitWhileHanging()
    if isSilent { throw .unreachable("nobody there") }
    var found = shown
    for index in found.datastores.indices { found.datastores[index].fault = datastoreFault }
    return found
  }

  /// What the inventory shows.
  var shown: Inventory {
    Inventory(
      hosts: [
        Inventory.Host(identifier: host, name: hostName, version: version(), isConnected: true)
      ],
      datastores: [
        Inventory.Datastore(
          identifier: datastore,
          host: host,
          name: "one",
          path: "/stores/\(name)",
          capacityInBytes: 1 << 40,
          freeInBytes: 1 << 39
        )
      ]
        + (hasSecondDatastore
          ? [
            Inventory.Datastore(
              identifier: secondDatastore,
              host: host,
              name: "two",
              path: "/second/\(name)",
              capacityInBytes: 1 << 40,
              freeInBytes: 1 << 39
            )
          ] : []),
      networks: [Inventory.Network(identifier: network, hosts: [host], name: "test")],
      folders: [Inventory.Folder(identifier: folder, name: "/")],
      resourcePools: ["root", "/machine/gold"].map {
        Inventory.ResourcePool(
          identifier: ResourcePoolIdentifier("\(name).resgroup-\($0)"),
          name: $0
        )
      },
      virtualMachines: machines.values.sorted { $0.identifier < $1.identifier }
    )
  }

  func power(of vm: VMIdentifier) throws(HypervisorError) -> VirtualMachine.PowerState? {
    if isSilent { throw .unreachable("nobody there") }
    return machines[vm]?.power
  }

  nonisolated func version() -> String { "QEMU 7.2" }

  func virtualMachine(_ vm: VMIdentifier) async -> VirtualMachine? {
    await waitWhileHanging()
    return machines[vm]
  }

  nonisolated func events() -> AsyncStream<HypervisorEvent> { queue }

  func taps(of vm: VMIdentifier) -> [VolumeIdentifier: TapState] {
    placed[vm]?.mapValues(\.state) ?? [:]
  }

  func attachTap(
    to volume: VolumeIdentifier,
    of vm: VMIdentifier,
    socketPath: String,
    exportName: String,
    streams: [StreamIdentifier]
  ) {
    attachCount += 1
    fed[vm] = streams
    placed[vm, default: [:]][volume] = Tap(socketPath: socketPath, state: .ready)
  }

  func detachTap(from volume: VolumeIdentifier, of vm: VMIdentifier) {
    placed[vm]?[volume] = nil
  }

  func cutTap(of volume: VolumeIdentifier, of vm: VMIdentifier) {
    cutCount += 1
    placed[vm]?[volume]?.state = .broken
  }

  func openPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier
  ) -> [VolumeIdentifier: String] {
    pulls[vm, default: []].insert(stream)
    return Dictionary(uniqueKeysWithValues: volumes.map { ($0, $0.rawValue) })
  }

  func closePull(of vm: VMIdentifier, stream: StreamIdentifier) { pulls[vm]?.remove(stream) }

  func endTapsOfGoneDisks(of vm: VMIdentifier) {}

  func changeMaps(
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) -> [VolumeIdentifier: [ChangeMap]] {
    (maps[vm] ?? [:]).mapValues { $0.filter { $0.stream == stream } }
  }

  func openChangedPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier,
    floor: SequenceNumber
  ) -> [VolumeIdentifier: ChangedExport] {
    pulls[vm, default: []].insert(stream)
    return Dictionary(
      uniqueKeysWithValues: volumes.map {
        (
          $0,
          ChangedExport(
            name: $0.rawValue,
            changes: maps[vm]?[$0]?.first { $0.stream == stream }?.name,
            knownByteCount: 64 << 20
          )
        )
      }
    )
  }

  func beginChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier,
    floor: SequenceNumber,
    known: [VolumeIdentifier: UInt64]
  ) {
    for volume in volumes {
      let map = ChangeMap(
        stream: stream,
        number: maps[vm]?[volume]?.filter { $0.stream == stream }.count ?? 0,
        floor: floor,
        byteCount: known[volume] ?? 64 << 20
      )
      maps[vm, default: [:]][volume, default: []].append(map)
    }
  }

  func restartChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) {
    for volume in volumes {
      dropChangeMaps(of: volume, of: vm, stream: stream)
      maps[vm, default: [:]][volume, default: []].append(
        ChangeMap(stream: stream, number: 0, floor: SequenceNumber(0), byteCount: 64 << 20)
      )
    }
  }

  func dropOlderChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) {
    for volume in volumes {
      let newest = maps[vm]?[volume]?.last { $0.stream == stream }
      maps[vm]?[volume]?.removeAll { $0.stream == stream && $0 != newest }
    }
  }

  func dropChangeMaps(
    of volume: VolumeIdentifier,
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) {
    maps[vm]?[volume]?.removeAll { $0.stream == stream }
  }

  // MARK: Inside a guest

  /// What a guest's agent does when it is asked to freeze.
  enum Agent: Equatable {
    case freezes
    case isMissing
    /// It fails, and nobody knows what it left.
    case fails
    /// It freezes, but answers only when it is let go.
    case hangs
    /// It freezes and does not thaw.
    case staysFrozen
  }

  private var agents: [VMIdentifier: Agent] = [:]
  private(set) var frozen: Set<VMIdentifier> = []
  /// Called in the moment a guest is frozen.
  private var whenFrozen: (@Sendable () async -> Void)?

  func setAgent(_ agent: Agent, of vm: VMIdentifier) {
    agents[vm] = agent
    for call in stuck.removeValue(forKey: vm) ?? [] { call.resume() }
  }
  /// Lets all calls go that agents hang in: whoever made them ends.
  func letGo() {
    for call in stuck.values.joined() { call.resume() }
    stuck = [:]
    agents = agents.mapValues { $0 == .hangs ? .freezes : $0 }
  }
  /// Calls that agents hang in, whether or not somebody waits for them yet.
  private var stuck: [VMIdentifier: [CheckedContinuation<Void, Never>]] = [:]
  func setWhenFrozen(_ body: @escaping @Sendable () async -> Void) { whenFrozen = body }

  /// Whether agents of VMs that are started from now on answer.
  private var recoveredGuestsAnswer = true
  func setRecoveredGuestsAnswer(_ answer: Bool) { recoveredGuestsAnswer = answer }
  /// How often an agent was asked whether it is there.
  private(set) var agentAnswers = 0
  func isAgentAnswering(in vm: VMIdentifier) -> Bool {
    agentAnswers += 1
    return machines[vm]?.power == .running && agents[vm] != .isMissing && recoveredGuestsAnswer
  }

  private(set) var programs: [GuestProgram] = []
  private var programEnd = GuestProgram.End(exitCode: 0, output: "kept by systemd-networkd\n")
  private var isWindows = false

  func setPrograms(end: GuestProgram.End) { programEnd = end }
  func setWindows(_ isWindows: Bool) { self.isWindows = isWindows }

  func guestSystem(in vm: VMIdentifier) -> GuestSystem {
    GuestSystem(isWindows: isWindows, cards: ["52:54:00:00:00:01": "Ethernet 2"])
  }

  func run(
    _ program: GuestProgram,
    in vm: VMIdentifier,
    timeoutInSeconds: Int
  ) -> GuestProgram.End {
    programs.append(program)
    return programEnd
  }

  func freezeFileSystems(
    of vm: VMIdentifier,
    timeoutInSeconds: Int
  ) async throws(HypervisorError) {
    let agent = agents[vm] ?? .freezes
    if agent == .isMissing { throw .noGuestAgent(vm) }
    if frozen.contains(vm) { frozenTwice.insert(vm) }
    frozen.insert(vm)
    await whenFrozen?()
    switch agent {
    case .freezes, .staysFrozen, .isMissing: return
    case .fails: throw .failed(operation: "freeze", reason: "no answer in time")
    case .hangs:
      await withCheckedContinuation { stuck[vm, default: []].append($0) }
      // The guest does so late, whatever came before.
      frozen.insert(vm)
    }
  }

  func thawFileSystems(of vm: VMIdentifier) throws(HypervisorError) {
    if agents[vm] == .staysFrozen { throw .failed(operation: "thaw", reason: "no answer in time") }
    frozen.remove(vm)
  }

  func setTies(_ ties: [String], of vm: VMIdentifier) { machines[vm]?.ties = ties }

  /// What the firmware of a VM has stored.
  private var nvram: [VMIdentifier: String] = [:]
  func setNVRAM(_ content: String, of vm: VMIdentifier) { nvram[vm] = content }

  func blueprint(of vm: VMIdentifier) throws(HypervisorError) -> VMBlueprint {
    guard let machine = machines[vm] else { throw .noSuchVM(vm) }
    let files = nvram[vm].map { [VMBlueprint.File(kind: .nvram, name: "vars", content: $0)] } ?? []
    return VMBlueprint(definition: "all of \(machine.name)", files: files)
  }

  func startRecoveredVM(
    _ specification: RecoveredVM
  ) throws(HypervisorError) -> VMIdentifier {
    recovered.append(specification)
    let vm = VMIdentifier("\(name).vm-\(specification.uuid)")
    guard machines[vm] == nil else {
      machines[vm]?.power = .running
      return vm
    }
    guard !machines.values.contains(where: { $0.name == specification.name }) else {
      throw .nameTaken(specification.name)
    }
    machines[vm] = VirtualMachine(
      identifier: vm,
      name: specification.name,
      host: specification.host,
      power: .running,
      runIdentifier: 1,
      hardware: specification.hardware,
      disks: specification.disks.enumerated().map { index, disk in
        VirtualMachine.Disk(
          identifier: VolumeIdentifier("scsi:0:\(index)"),
          target: disk.target,
          byteCount: 1 << 26,
          allocatedByteCount: 0,
          path: disk.overlayPath,
          datastore: datastore
        )
      },
      nics: []
    )
    return vm
  }

  /// Whether networks keep addresses for cards.
  private var keepsAddresses = true
  func setKeepsAddresses(_ keeps: Bool) { keepsAddresses = keeps }

  func reservedAddress(of macAddress: String, on network: NetworkIdentifier) -> String? {
    let cards = recovered.flatMap(\.nics).filter { $0.network == network }
    return keepsAddresses ? cards.last { $0.macAddress == macAddress }?.reservedAddress : nil
  }

  func define(_ specification: ClonedVM) -> VMIdentifier {
    let vm = VMIdentifier("\(name).vm-\(specification.uuid)")
    machines[vm] = VirtualMachine(
      identifier: vm,
      name: specification.name,
      host: specification.host,
      power: .off,
      runIdentifier: nil,
      hardware: specification.hardware,
      disks: specification.disks.enumerated().map { index, disk in
        VirtualMachine.Disk(
          identifier: VolumeIdentifier("scsi:0:\(index)"),
          target: disk.target,
          byteCount: 1 << 26,
          allocatedByteCount: 0,
          path: disk.path,
          datastore: datastore
        )
      },
      nics: specification.nics.enumerated().map { index, card in
        VirtualMachine.NIC(
          identifier: NICIdentifier("Network adapter \(index + 1)"),
          macAddress: card.macAddress,
          network: card.network,
          addresses: []
        )
      }
    )
    return vm
  }

  func adoptReplicas(
    of vm: VMIdentifier,
    disks: [RecoveredVM.Disk]
  ) throws(HypervisorError) {
    guard machines[vm]?.power == .running else { throw .notRunning(vm) }
    for (index, disk) in disks.enumerated() { machines[vm]?.disks[index].path = disk.replicaPath }
  }

  /// Overlays that were committed while their VM ran.
  private(set) var committed: Set<String> = []

  func layOverlays(_ overlays: [DiskOverlay], on vm: VMIdentifier) throws(HypervisorError) {
    try exchange(overlays, of: vm, isOn: false) { ($0.basePath, $0.path) }
  }

  func takeOverlays(_ overlays: [DiskOverlay], off vm: VMIdentifier) throws(HypervisorError) {
    try exchange(overlays, of: vm, isOn: false) { ($0.path, $0.basePath) }
  }

  func commitOverlays(_ overlays: [DiskOverlay], of vm: VMIdentifier) throws(HypervisorError) {
    // QEMU has one block job on a disk at a time.
    for (volume, _) in placed[vm] ?? [:] { throw .diskBusy(volume, vm, "a tap is on it") }
    try exchange(overlays, of: vm, isOn: true) { ($0.path, $0.basePath) }
    committed.formUnion(overlays.map(\.path))
  }

  private func exchange(
    _ overlays: [DiskOverlay],
    of vm: VMIdentifier,
    isOn: Bool,
    _ paths: (DiskOverlay) -> (old: String, new: String)
  ) throws(HypervisorError) {
    guard (machines[vm]?.power == .running) == isOn else { throw .notRunning(vm) }
    for overlay in overlays {
      let (old, new) = paths(overlay)
      for index in machines[vm]?.disks.indices ?? 0..<0
      where machines[vm]?.disks[index].path == old { machines[vm]?.disks[index].path = new }
    }
  }

  private var startRefusals = 0
  /// Lets so many of the next starts fail.
  func refuseStarts(_ count: Int) { startRefusals = count }

  func start(_ vm: VMIdentifier) throws(HypervisorError) {
    guard startRefusals == 0 else {
      startRefusals -= 1
      throw .failed(operation: "start", reason: "no memory")
    }
    setPower(.running, of: vm)
  }
  func pause(_ vm: VMIdentifier) { setPower(.paused, of: vm) }

  func shutDown(_ vm: VMIdentifier, timeoutInSeconds: Int, force: Bool) -> Bool {
    guard !ignoresShutdown || force else { return false }
    setPower(.off, of: vm)
    return true
  }

  func isGuestAgentConnected(in vm: VMIdentifier) -> Bool { machines[vm]?.power == .running }

  func remove(_ vm: VMIdentifier) { machines[vm] = nil }
}
