// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// A site's hypervisor: what Understudy asks of libvirt, or of another one later.
///
/// Every method may be called again with the same arguments after a crash and then finds its work
/// done: recovery workflows depend on it.
package protocol Hypervisor: Sendable {
  /// Everything an administrator can pick from, as it is now.
  func inventory() async throws(HypervisorError) -> Inventory

  /// What each of several hosts had when it last answered, by the host's address, for
  /// ``recall(_:)`` after a restart.
  func lastSeen() -> [String: Inventory]

  /// Is told what ``lastSeen()`` was before a restart: hosts that have not answered since are shown
  /// like that.
  func recall(_ seen: [String: Inventory])

  // MARK: Logging in

  /// Logs in with an account, on connections of their own that end again: nothing is changed.
  ///
  /// - Returns: Whether any host asked for an account.
  /// - Throws: ``HypervisorError/unreachable(_:)`` with the host's reason, if one does not let the
  ///   account in, or does not answer.
  func tryAccount(_ account: HypervisorAccount) async throws(HypervisorError) -> Bool

  /// Logs in with an account where a host asks for one, from now on: a connection that stands is
  /// replaced, and calls that run on it end as they would have.
  func use(_ account: HypervisorAccount)

  // MARK: What there is

  /// Whether a VM runs, or nil if the hypervisor has no such VM: the cheapest question.
  func power(of vm: VMIdentifier) async throws(HypervisorError) -> VirtualMachine.PowerState?

  /// Its kind and version, such as `QEMU 7.2.22`: the same text as its hosts have in the inventory,
  /// without a look at anything else.
  func version() async throws(HypervisorError) -> String

  /// One VM, or nil if the hypervisor has no such VM.
  func virtualMachine(_ vm: VMIdentifier) async throws(HypervisorError) -> VirtualMachine?

  /// What running VMs take of their host; those that are off or gone are left out.
  func usage(of machines: [VMIdentifier]) async throws(HypervisorError) -> [VMIdentifier: VMUsage]

  /// Changes as they happen, from the call on. Events are hints: who gets one looks again.
  func events() -> AsyncStream<HypervisorEvent>

  // MARK: The tap

  /// The state of the tap of each disk of a running VM; disks without one are left out, and so
  /// are all of a VM that is off. A tap counts as ready until a write has failed: an appliance
  /// that goes away while the guest is idle is seen by the appliance's own status first.
  func taps(of vm: VMIdentifier) async throws(HypervisorError) -> [VolumeIdentifier: TapState]

  /// Sends every write of a running VM's disk to the appliance's NBD export as well.
  ///
  /// A write is acknowledged to the guest after disk and appliance have it. When the appliance
  /// goes away the guest is released and the tap is ``TapState/broken``. A ready tap on that
  /// socket is left alone; to renew one, detach it first.
  ///
  /// Before the first write can reach the tap, a map of changes of each of `streams` is there; they
  /// outlive the tap. Maps of other streams are dropped.
  func attachTap(
    to volume: VolumeIdentifier,
    of vm: VMIdentifier,
    socketPath: String,
    exportName: String,
    streams: [StreamIdentifier]
  ) async throws(HypervisorError)

  /// Removes a tap in whatever state it is, also when the appliance does not answer. A disk
  /// without a tap is left as it is. Never blocks the guest: the connection is cut first.
  func detachTap(from volume: VolumeIdentifier, of vm: VMIdentifier) async throws(HypervisorError)

  /// Removes what is left of the taps of disks that were taken away from a running VM, so that
  /// their files are free.
  func endTapsOfGoneDisks(of vm: VMIdentifier) async throws(HypervisorError)

  /// Frees the guest at once from an appliance that does not answer (QEMU's `yank`). The tap is
  /// ``TapState/broken`` from the guest's next write on.
  func cutTap(of volume: VolumeIdentifier, of vm: VMIdentifier) async throws(HypervisorError)

  /// Offers the live content of a running VM's disks for reading, on a unix socket, read only, for
  /// a sync of `stream`.
  ///
  /// Several streams of a VM can be synced at the same time, all on the same socket.
  ///
  /// - Returns: The export name of each disk.
  func openPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier
  ) async throws(HypervisorError) -> [VolumeIdentifier: String]

  /// Ends what ``openPull(of:of:socketPath:stream:)`` and its like for changes began for a stream.
  func closePull(of vm: VMIdentifier, stream: StreamIdentifier) async throws(HypervisorError)

  // MARK: Maps of changes

  /// A stream's maps of changes on the disks of a running VM, oldest first; none of a VM that is
  /// off, nor of one that was restarted.
  func changeMaps(
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) -> [VolumeIdentifier: [ChangeMap]]

  /// Offers the disks like ``openPull(of:of:socketPath:stream:)``, with what was written since the
  /// oldest maps were begun, for disks whose maps cover all that may be missing.
  ///
  /// Such a disk's maps are closed into one, and what is written from now on is noted in a new
  /// one, begun with `floor`.
  func openChangedPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier,
    floor: SequenceNumber
  ) async throws(HypervisorError) -> [VolumeIdentifier: ChangedExport]

  /// Begins a newer map of each disk, with `floor`, unless there is such a one already beside the
  /// oldest.
  ///
  /// It tells of the disk's first `known` bytes; of all of a disk that is not named there.
  func beginChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier,
    floor: SequenceNumber,
    known: [VolumeIdentifier: UInt64]
  ) async throws(HypervisorError)

  /// Replaces all maps of a stream by a first one on each disk: nothing is known of what was
  /// before.
  func restartChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError)

  /// Drops all maps of a stream but the newest of each disk; no pull may be open.
  func dropOlderChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError)

  /// Drops a stream's maps of a disk; no pull of it may be open.
  func dropChangeMaps(
    of volume: VolumeIdentifier,
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError)

  // MARK: Inside a guest

  /// Whether the agent in a running guest answers.
  func isAgentAnswering(in vm: VMIdentifier) async throws(HypervisorError) -> Bool

  /// What the agent says of the guest it runs in.
  func guestSystem(in vm: VMIdentifier) async throws(HypervisorError) -> GuestSystem

  /// Runs a program in a guest, as its administrator, and waits for its end.
  func run(
    _ program: GuestProgram,
    in vm: VMIdentifier,
    timeoutInSeconds: Int
  ) async throws(HypervisorError) -> GuestProgram.End

  /// Freezes the file systems of a running guest through its agent: what programs wrote is on the
  /// disks, and writes wait until ``thawFileSystems(of:)``.
  ///
  /// After ``HypervisorError/noGuestAgent(_:)``, ``HypervisorError/frozenByOthers(_:)``,
  /// ``HypervisorError/notRunning(_:)`` and ``HypervisorError/noSuchVM(_:)`` the guest is as it
  /// was; after any other error it may be frozen, or become so.
  func freezeFileSystems(
    of vm: VMIdentifier,
    timeoutInSeconds: Int
  ) async throws(HypervisorError)

  /// Lets a guest's file systems go on; a guest that is off, gone or not frozen is fine.
  func thawFileSystems(of vm: VMIdentifier) async throws(HypervisorError)

  // MARK: Recovery

  /// What a VM is beside its disks, as it is defined now.
  func blueprint(of vm: VMIdentifier) async throws(HypervisorError) -> VMBlueprint

  /// Defines and starts a VM on the given disks. Called again, returns the VM it made before.
  func startRecoveredVM(_ specification: RecoveredVM) async throws(HypervisorError) -> VMIdentifier

  /// The address that a network's DHCP server keeps for a card; nil is none.
  func reservedAddress(
    of macAddress: String,
    on network: NetworkIdentifier
  ) async throws(HypervisorError) -> String?

  /// Moves a running recovered VM from its overlays onto its replicas, which hold the same
  /// content, while it runs: shallow block copy, then block commit. The overlays for it are there.
  /// Afterwards its definition names the replicas alone and all overlays can be deleted.
  func adoptReplicas(of vm: VMIdentifier, disks: [RecoveredVM.Disk]) async throws(HypervisorError)

  /// Has a VM that is off use overlays over its own disks from its next start on.
  func layOverlays(_ overlays: [DiskOverlay], on vm: VMIdentifier) async throws(HypervisorError)

  /// Has a VM that is off use its own disks again, as it did before overlays were laid on them.
  func takeOverlays(_ overlays: [DiskOverlay], off vm: VMIdentifier) async throws(HypervisorError)

  /// Takes what overlays hold down into the disks of a running VM, which goes on on these; it is
  /// defined again as it was before.
  func commitOverlays(_ overlays: [DiskOverlay], of vm: VMIdentifier) async throws(HypervisorError)

  /// Defines a VM on given disks and leaves it off. Called again, returns the VM it made before.
  func define(_ specification: ClonedVM) async throws(HypervisorError) -> VMIdentifier

  /// Powers on an existing VM; one that runs already is left alone.
  func start(_ vm: VMIdentifier) async throws(HypervisorError)

  /// Has a running VM's processors stand; one that is off or paused is fine.
  func pause(_ vm: VMIdentifier) async throws(HypervisorError)

  /// Shuts a VM down: asks the guest, and after `timeoutInSeconds` cuts the power if `force`.
  ///
  /// - Returns: Whether the VM is off.
  func shutDown(
    _ vm: VMIdentifier,
    timeoutInSeconds: Int,
    force: Bool
  ) async throws(HypervisorError) -> Bool

  /// Whether a running VM's guest agent has opened its channel. The agent is not asked anything.
  func isGuestAgentConnected(in vm: VMIdentifier) async throws(HypervisorError) -> Bool

  /// Cuts the power, and deletes the definition but no disk. A VM that is gone already is fine.
  func remove(_ vm: VMIdentifier) async throws(HypervisorError)
}

/// How a disk's tap is doing.
package enum TapState: String, Codable, Sendable {
  /// Every write reaches the appliance before the guest's acknowledgement.
  case ready
  /// The appliance went away; writes reach the disk alone.
  case broken
}

/// A disk that is offered for reading, and what of it was written lately.
package struct ChangedExport: Sendable, Equatable {
  package var name: String
  /// The NBD metadata context that names the blocks; nil if nobody knows them all.
  package var changes: String?
  /// Bytes of the disk that the context tells of: what the disk grew by since is behind them.
  package var knownByteCount: UInt64

  package init(name: String, changes: String?, knownByteCount: UInt64 = 0) {
    self.name = name
    self.changes = changes
    self.knownByteCount = knownByteCount
  }
}

/// A change at the hypervisor.
package enum HypervisorEvent: Sendable, Equatable {
  case started(VMIdentifier)
  case stopped(VMIdentifier)
  /// A tap may have broken: ask for ``Hypervisor/taps(of:)``.
  case tapBroken(VMIdentifier)
  /// Definitions, networks or pools changed.
  case inventoryChanged
}

/// A VM to start from point-in-time exports.
package struct RecoveredVM: Codable, Sendable, Equatable {
  package var name: String
  /// The domain's UUID; the same one makes the same VM.
  package var uuid: String
  package var host: HostIdentifier
  package var hardware: VMHardware
  /// What the protected VM was; nil makes one from `hardware` alone.
  package var blueprint: VMBlueprint?
  /// The pool it is put into; nil is the root.
  package var resourcePool: ResourcePoolIdentifier?
  package var disks: [Disk]
  package var nics: [NIC]

  package init(
    name: String,
    uuid: String,
    host: HostIdentifier,
    hardware: VMHardware,
    blueprint: VMBlueprint? = nil,
    resourcePool: ResourcePoolIdentifier? = nil,
    disks: [Disk],
    nics: [NIC]
  ) {
    self.name = name
    self.uuid = uuid
    self.host = host
    self.hardware = hardware
    self.blueprint = blueprint
    self.resourcePool = resourcePool
    self.disks = disks
    self.nics = nics
  }

  /// A disk: a qcow2 overlay, on a read-only NBD export.
  package struct Disk: Codable, Sendable, Equatable {
    package var target: String
    package var overlayPath: String
    package var exportSocketPath: String
    package var exportName: String
    /// The raw file the disk ends up on when the recovery is committed.
    package var replicaPath: String
    /// An overlay on the replica; it is there while the disk moves.
    package var adoptionPath: String

    package init(
      target: String,
      overlayPath: String,
      exportSocketPath: String,
      exportName: String,
      replicaPath: String,
      adoptionPath: String
    ) {
      self.target = target
      self.overlayPath = overlayPath
      self.exportSocketPath = exportSocketPath
      self.exportName = exportName
      self.replicaPath = replicaPath
      self.adoptionPath = adoptionPath
    }
  }

  /// A network card.
  ///
  /// Without a network the card is there but its link is down.
  package struct NIC: Codable, Sendable, Equatable {
    package var macAddress: String
    package var network: NetworkIdentifier?
    /// What the network's DHCP server is to keep for the card, from before the VM starts until
    /// it is removed; nil is nothing.
    ///
    /// A VM whose address cannot be kept is started all the same:
    /// ``Hypervisor/reservedAddress(of:on:)`` tells.
    package var reservedAddress: String?

    package init(
      macAddress: String,
      network: NetworkIdentifier?,
      reservedAddress: String? = nil
    ) {
      self.macAddress = macAddress
      self.network = network
      self.reservedAddress = reservedAddress
    }
  }
}

/// A VM on copies of another one's disks.
package struct ClonedVM: Codable, Sendable, Equatable {
  package var name: String
  /// The domain's UUID; the same one makes the same VM.
  package var uuid: String
  package var host: HostIdentifier
  package var hardware: VMHardware
  /// What the protected VM was; nil makes one from `hardware` alone.
  package var blueprint: VMBlueprint?
  /// The pool it is put into; nil is the root.
  package var resourcePool: ResourcePoolIdentifier?
  package var disks: [Disk]
  package var nics: [RecoveredVM.NIC]

  package init(
    name: String,
    uuid: String,
    host: HostIdentifier,
    hardware: VMHardware,
    blueprint: VMBlueprint? = nil,
    resourcePool: ResourcePoolIdentifier? = nil,
    disks: [Disk],
    nics: [RecoveredVM.NIC]
  ) {
    self.name = name
    self.uuid = uuid
    self.host = host
    self.hardware = hardware
    self.blueprint = blueprint
    self.resourcePool = resourcePool
    self.disks = disks
    self.nics = nics
  }

  /// A raw file.
  package struct Disk: Codable, Sendable, Equatable {
    package var target: String
    package var path: String

    package init(target: String, path: String) {
      self.target = target
      self.path = path
    }
  }
}

/// Why the hypervisor did not do what was asked.
///
/// Texts are the hypervisor's own.
package enum HypervisorError: Error, Equatable, Sendable {
  /// There is no connection to the hypervisor.
  case unreachable(String)
  case noSuchVM(VMIdentifier)
  case noSuchVolume(VolumeIdentifier, VMIdentifier)
  case noSuchNetwork(NetworkIdentifier)
  case notRunning(VMIdentifier)
  /// Another block job or snapshot holds the disk.
  case diskBusy(VolumeIdentifier, VMIdentifier, String)
  /// No agent answers in the guest.
  case noGuestAgent(VMIdentifier)
  /// Somebody else has frozen the guest's file systems.
  case frozenByOthers(VMIdentifier)
  /// Another VM has the name or UUID already.
  case nameTaken(String)
  case failed(operation: String, reason: String)
}

/// A hypervisor that is one host has nothing to remember: without it there is nothing to be done.
extension Hypervisor {
  package func lastSeen() -> [String: Inventory] { [:] }
  package func recall(_ seen: [String: Inventory]) {}
}
