// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel

// Syncs, and the maps of changes that make them short.
extension StreamKeeper {
  func startSync(
    _ assignment: Assignment,
    _ status: ApplianceStatus,
    _ control: any ApplianceControl
  ) async throws(SiteError) {
    guard let reply = given?.reply else { return }
    let changed = try await changedRequest(assignment.tapped, status, control, reply.pullSocketPath)
    let request: SyncRequest
    if let changed {
      request = changed
    } else {
      request = SyncRequest(
        pullSocketPath: reply.pullSocketPath,
        exportNames: try await openPull(assignment.tapped, reply.pullSocketPath),
        isAskedAgain: true,
        isForced: comparesAll
      )
      try await restartChangeMaps(assignment.tapped)
    }
    try await control.sync(stream, request)
    await context.events.record(
      .initialSync,
      Self.words(request, assignment.tapped),
      vpgs: [assignment.definition.identifier]
    )
  }

  private static func words(
    _ request: SyncRequest,
    _ vm: VPGDefinition.ProtectedVM
  ) -> String {
    if request.changes.isEmpty { return "A sync of the VM \(vm.name) has begun." }
    return goesOn(request.known.filter { request.changes[$0.key] != nil }, vm)
      ? "The sync of the VM \(vm.name) goes on where it was interrupted."
      : "A sync of the changed blocks of the VM \(vm.name) has begun."
  }

  /// Whether maps tell of a part of the disks only: of what an interrupted sync had compared.
  private static func goesOn(
    _ known: [VolumeIdentifier: UInt64],
    _ vm: VPGDefinition.ProtectedVM
  ) -> Bool {
    vm.volumes.contains { (known[$0.identifier] ?? $0.byteCount) < $0.byteCount }
  }

  /// What there was to know is of no more use: all is compared.
  ///
  /// Otherwise maps that tell of the whole would be believed if this sync is interrupted.
  private func restartChangeMaps(_ vm: VPGDefinition.ProtectedVM) async throws(SiteError) {
    do {
      try await context.hypervisor.restartChangeMaps(
        of: vm.volumes.map(\.identifier),
        of: vm.identifier,
        stream: stream
      )
    } catch { throw SiteError(error) }
  }

  func openPull(
    _ vm: VPGDefinition.ProtectedVM,
    _ socketPath: String
  ) async throws(SiteError) -> [VolumeIdentifier: String] {
    do {
      return try await context.hypervisor.openPull(
        of: vm.volumes.map(\.identifier),
        of: vm.identifier,
        socketPath: socketPath,
        stream: stream
      )
    } catch { throw SiteError(error) }
  }

  /// A sync by maps of changes, begun; nil if everything must be compared.
  ///
  /// The order counts: the stream keeps all writes before the maps are closed.
  func changedRequest(
    _ vm: VPGDefinition.ProtectedVM,
    _ status: ApplianceStatus,
    _ control: any ApplianceControl,
    _ socketPath: String
  ) async throws(SiteError) -> SyncRequest? {
    if comparesAll { return nil }
    do {
      let maps = try await context.hypervisor.changeMaps(of: vm.identifier, stream: stream)
      let covering = maps.filter { ChangeMap.cover($0.value) }
      guard let floor = covering.values.compactMap({ $0.first?.floor.rawValue }).max() else {
        return nil
      }
      let known = covering.compactMapValues { maps in maps.map(\.byteCount).min() }
      let begun = try await control.beginSync(
        stream,
        BeginSyncRequest(changesFloor: floor, isWhole: !Self.goesOn(known, vm))
      )
      guard let generation = begun.generation else { return nil }
      let acknowledged = status.streams.first { $0.stream == stream }?.acknowledgedSequence ?? 0
      let exports = try await context.hypervisor.openChangedPull(
        of: vm.volumes.map(\.identifier),
        of: vm.identifier,
        socketPath: socketPath,
        stream: stream,
        floor: SequenceNumber(acknowledged)
      )
      return SyncRequest(
        pullSocketPath: socketPath,
        exportNames: exports.mapValues(\.name),
        generation: generation,
        changes: exports.compactMapValues(\.changes),
        known: exports.mapValues(\.knownByteCount)
      )
    } catch let error as HypervisorError {
      throw SiteError(error)
    } catch let error as SiteError {
      throw error
    } catch {
      throw .failed("\(error)")
    }
  }
}

extension StreamKeeper {
  /// The time by a clock that does not jump.
  static var now: Duration { began.duration(to: .now) }
  static let began = ContinuousClock.now

  /// Renews the disks' maps of changes; a failure costs time at the next sync, nothing else.
  mutating func rotateChangeMaps(
    _ vm: VPGDefinition.ProtectedVM,
    _ status: ApplianceStatus,
    _ time: Duration
  ) async {
    guard let seen = status.streams.first(where: { $0.stream == stream }) else { return }
    let facts = ChangeMapRotation.Facts(
      order: .init(incarnation: status.incarnation, generation: seen.generation),
      isOrdered: seen.sync == .ordered,
      isComparing: !seen.comparedByteCounts.isEmpty,
      last: SequenceNumber(seen.lastSequence),
      acknowledged: SequenceNumber(seen.acknowledgedSequence),
      writeCount: seen.writeCount
    )
    guard let action = rotation.action(for: facts, at: time) else { return }
    let volumes = vm.volumes.map(\.identifier)
    do throws(HypervisorError) {
      switch action {
      case .begin:
        try await context.hypervisor.beginChangeMaps(
          of: volumes,
          of: vm.identifier,
          stream: stream,
          floor: facts.acknowledged,
          known: facts.isOrdered ? [:] : seen.comparedByteCounts
        )
      case .finish:
        try await context.hypervisor.dropOlderChangeMaps(
          of: volumes,
          of: vm.identifier,
          stream: stream
        )
      }
      rotation.carriedOut(action, for: facts, at: Self.now)
    } catch {
      rotation.failed(for: facts, at: Self.now)
      context.logger.warning(
        "maps of changes not renewed",
        metadata: ["vm": "\(vm.name)", "reason": "\(error)"]
      )
    }
  }
}
