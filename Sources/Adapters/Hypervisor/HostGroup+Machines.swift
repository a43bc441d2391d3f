// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

// What concerns one VM is asked of the host it is at.

extension HostGroup {
  // MARK: The tap

  package func taps(
    of vm: VMIdentifier
  ) async throws(HypervisorError) -> [VolumeIdentifier: TapState] {
    try await home(of: vm).taps(of: vm)
  }

  package func attachTap(
    to volume: VolumeIdentifier,
    of vm: VMIdentifier,
    socketPath: String,
    exportName: String,
    streams: [StreamIdentifier]
  ) async throws(HypervisorError) {
    try await home(of: vm).attachTap(
      to: volume,
      of: vm,
      socketPath: socketPath,
      exportName: exportName,
      streams: streams
    )
  }

  package func detachTap(
    from volume: VolumeIdentifier,
    of vm: VMIdentifier
  ) async throws(HypervisorError) {
    try await home(of: vm).detachTap(from: volume, of: vm)
  }

  package func endTapsOfGoneDisks(of vm: VMIdentifier) async throws(HypervisorError) {
    try await home(of: vm).endTapsOfGoneDisks(of: vm)
  }

  package func cutTap(
    of volume: VolumeIdentifier,
    of vm: VMIdentifier
  ) async throws(HypervisorError) {
    try await home(of: vm).cutTap(of: volume, of: vm)
  }

  package func openPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier
  ) async throws(HypervisorError) -> [VolumeIdentifier: String] {
    try await home(of: vm).openPull(of: volumes, of: vm, socketPath: socketPath, stream: stream)
  }

  package func closePull(
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) {
    try await home(of: vm).closePull(of: vm, stream: stream)
  }

  // MARK: Maps of changes

  package func changeMaps(
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) -> [VolumeIdentifier: [ChangeMap]] {
    try await home(of: vm).changeMaps(of: vm, stream: stream)
  }

  package func openChangedPull(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    socketPath: String,
    stream: StreamIdentifier,
    floor: SequenceNumber
  ) async throws(HypervisorError) -> [VolumeIdentifier: ChangedExport] {
    try await home(of: vm).openChangedPull(
      of: volumes,
      of: vm,
      socketPath: socketPath,
      stream: stream,
      floor: floor
    )
  }

  package func beginChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier,
    floor: SequenceNumber,
    known: [VolumeIdentifier: UInt64]
  ) async throws(HypervisorError) {
    try await home(of: vm).beginChangeMaps(
      of: volumes,
      of: vm,
      stream: stream,
      floor: floor,
      known: known
    )
  }

  package func restartChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) {
    try await home(of: vm).restartChangeMaps(of: volumes, of: vm, stream: stream)
  }

  package func dropOlderChangeMaps(
    of volumes: [VolumeIdentifier],
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) {
    try await home(of: vm).dropOlderChangeMaps(of: volumes, of: vm, stream: stream)
  }

  package func dropChangeMaps(
    of volume: VolumeIdentifier,
    of vm: VMIdentifier,
    stream: StreamIdentifier
  ) async throws(HypervisorError) {
    try await home(of: vm).dropChangeMaps(of: volume, of: vm, stream: stream)
  }

  // MARK: Inside a guest

  package func isAgentAnswering(in vm: VMIdentifier) async throws(HypervisorError) -> Bool {
    try await home(of: vm).isAgentAnswering(in: vm)
  }

  package func guestSystem(in vm: VMIdentifier) async throws(HypervisorError) -> GuestSystem {
    try await home(of: vm).guestSystem(in: vm)
  }

  package func run(
    _ program: GuestProgram,
    in vm: VMIdentifier,
    timeoutInSeconds: Int
  ) async throws(HypervisorError) -> GuestProgram.End {
    try await home(of: vm).run(program, in: vm, timeoutInSeconds: timeoutInSeconds)
  }

  package func freezeFileSystems(
    of vm: VMIdentifier,
    timeoutInSeconds: Int
  ) async throws(HypervisorError) {
    try await home(of: vm).freezeFileSystems(of: vm, timeoutInSeconds: timeoutInSeconds)
  }

  /// At every host: a guest that was frozen may have moved since.
  package func thawFileSystems(of vm: VMIdentifier) async throws(HypervisorError) {
    let answers = await ask { host throws(HypervisorError) in
      try await host.thawFileSystems(of: vm)
    }
    for answer in answers { try answer.get() }
  }

  package func isGuestAgentConnected(in vm: VMIdentifier) async throws(HypervisorError) -> Bool {
    try await home(of: vm).isGuestAgentConnected(in: vm)
  }

  // MARK: Power and recovery

  package func blueprint(of vm: VMIdentifier) async throws(HypervisorError) -> VMBlueprint {
    try await home(of: vm).blueprint(of: vm)
  }

  package func adoptReplicas(
    of vm: VMIdentifier,
    disks: [RecoveredVM.Disk]
  ) async throws(HypervisorError) {
    try await home(of: vm).adoptReplicas(of: vm, disks: disks)
  }

  package func layOverlays(
    _ overlays: [DiskOverlay],
    on vm: VMIdentifier
  ) async throws(HypervisorError) {
    try await home(of: vm).layOverlays(overlays, on: vm)
  }

  package func takeOverlays(
    _ overlays: [DiskOverlay],
    off vm: VMIdentifier
  ) async throws(HypervisorError) {
    try await home(of: vm).takeOverlays(overlays, off: vm)
  }

  package func commitOverlays(
    _ overlays: [DiskOverlay],
    of vm: VMIdentifier
  ) async throws(HypervisorError) {
    try await home(of: vm).commitOverlays(overlays, of: vm)
  }

  package func start(_ vm: VMIdentifier) async throws(HypervisorError) {
    try await home(of: vm).start(vm)
  }

  package func pause(_ vm: VMIdentifier) async throws(HypervisorError) {
    try await home(of: vm).pause(vm)
  }

  package func shutDown(
    _ vm: VMIdentifier,
    timeoutInSeconds: Int,
    force: Bool
  ) async throws(HypervisorError) -> Bool {
    try await home(of: vm).shutDown(vm, timeoutInSeconds: timeoutInSeconds, force: force)
  }
}
