// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel

/// Keeps one protected VM's taps and stream: looks, lets a ``TapReconciler`` decide, and does it.
struct StreamKeeper {
  /// Memory for writes on their way: as much as the appliance's configuration allows a stream.
  private static let bufferByteCount = UInt64(Int64.max)
  private static let statusTimeout = Duration.seconds(2)
  private static let longestPause = Duration.seconds(8)

  /// What the appliance was given, by which of its processes.
  private struct Given {
    var incarnation: String
    var request: ProtectRequest
    var reply: ProtectReply
  }

  let context: SiteContext
  let keeper: ProtectionKeeper
  let stream: StreamIdentifier

  private var reconciler = TapReconciler()
  private var rotation = ChangeMapRotation()
  /// Whether the next sync compares everything, whatever the maps of changes say.
  private var comparesAll = false
  private var given: Given?
  private var pause = Duration.zero
  private var resting = ContinuousClock.now

  init(context: SiteContext, keeper: ProtectionKeeper, stream: StreamIdentifier) {
    self.context = context
    self.keeper = keeper
    self.stream = stream
  }

  /// Looks at every pulse until there are no more.
  consuming func run(_ pulses: AsyncStream<Void>) async {
    for await _ in pulses {
      guard ContinuousClock.now >= resting else { continue }
      guard let assignment = await keeper.assignment(of: stream) else { return }
      do throws(SiteError) {
        try await look(assignment)
        pause = .zero
        await keeper.note(stream, fault: "")
      } catch {
        // The same failure at once again would only load a host that is in trouble.
        pause = min(max(pause * 2, .seconds(1)), Self.longestPause)
        resting = .now + pause
        await keeper.note(stream, fault: error.message)
      }
    }
  }

  private mutating func look(_ assignment: Assignment) async throws(SiteError) {
    let began = Self.now
    let vm: VirtualMachine?
    let taps: [VolumeIdentifier: TapState]
    do {
      vm = try await context.hypervisor.virtualMachine(assignment.vm.identifier)
      let isRunning = vm.map { $0.power != .off } ?? false
      taps = isRunning ? try await context.hypervisor.taps(of: assignment.vm.identifier) : [:]
    } catch { throw SiteError(error) }

    // The appliance of a VM that is gone cannot be told from the others: ask the one that has it.
    let appliance: ApplianceIdentifier? =
      if let vm { context.appliances.appliance(on: vm.host)?.identifier } else {
        await context.appliances.sender(of: stream)
      }
    let status: ApplianceStatus? =
      if let appliance {
        await context.appliances.look(at: appliance, timeout: Self.statusTimeout)
      } else { nil }
    let request = try await request(assignment)
    var facts = TapReconciler.Facts(
      wish: assignment.wish,
      volumes: assignment.vm.volumes.map(\.identifier),
      isVMRunning: vm.map { $0.power != .off } ?? false,
      taps: taps.mapValues { $0 == .ready },
      appliance: status.map { status in self.facts(status, request) }
    )

    facts.suspended = assignment.suspended
    if await keeper.takeSyncRequest(of: stream) {
      reconciler.requestSync()
      comparesAll = true
    }
    let actions = reconciler.actions(for: facts)
    let isReleased =
      assignment.wish == .release && actions.isEmpty && (status != nil || vm == nil)
    await keeper.note(stream, isReleased: isReleased, sender: appliance)
    // Freeing is the first thing that is done: without any action it is done.
    await keeper.note(stream, free: actions.isEmpty ? facts.suspended : [])
    for action in actions {
      try await carryOut(action, assignment, request, appliance, status)
      reconciler.carriedOut(action)
    }
    if actions.isEmpty, facts.wish == .protect, facts.isVMRunning, let status {
      await rotateChangeMaps(assignment.vm, status, began)
    }
    guard vm != nil || assignment.wish == .release else {
      throw .notFound("The VM \(assignment.vm.name) is not there any more.")
    }
  }

  private func facts(
    _ status: ApplianceStatus,
    _ request: ProtectRequest?
  ) -> TapReconciler.Appliance {
    TapReconciler.Appliance(
      hasRequest: request != nil && given?.request == request
        && given?.incarnation == status.incarnation,
      stream: status.streams.first { $0.stream == stream }.map {
        TapReconciler.Stream(
          sync: $0.sync,
          needsSync: $0.needsSync,
          isConnected: $0.isConnected,
          connectedVolumes: Set($0.connectedVolumes)
        )
      }
    )
  }

  /// What the appliance is to be given; nil when it is to let go.
  private func request(_ assignment: Assignment) async throws(SiteError) -> ProtectRequest? {
    guard assignment.wish != .release else { return nil }
    guard let target = assignment.target else {
      try await keeper.findTargets(of: assignment.definition)
      throw .unreachable("The recovery site has not yet said where it takes the stream.")
    }
    let compression = await context.replication.settings.compression
    return ProtectRequest(
      vpg: assignment.definition.identifier,
      volumes: assignment.vm.volumes.map {
        ProtectRequest.Volume(identifier: $0.identifier, byteCount: $0.byteCount)
      },
      remoteHost: target.host,
      remotePort: target.port,
      remoteSite: assignment.definition.recoverySite,
      compression: assignment.definition.policy.usesWANCompression ? compression : .none,
      priority: assignment.definition.policy.priority,
      bufferByteCount: Self.bufferByteCount,
      isPaused: assignment.wish == .pause
    )
  }
}

// MARK: - Actions

extension StreamKeeper {
  private mutating func carryOut(
    _ action: TapReconciler.Action,
    _ assignment: Assignment,
    _ request: ProtectRequest?,
    _ appliance: ApplianceIdentifier?,
    _ status: ApplianceStatus?
  ) async throws(SiteError) {
    guard let appliance, let status else { return try await release(action, assignment) }
    let control = try context.appliances.client(for: appliance)
    switch action {
    case .protect:
      guard let request else { return }
      given = Given(
        incarnation: status.incarnation,
        request: request,
        reply: try await control.protect(stream, request)
      )
    case .attach(let volume): try await attach(volume, of: assignment.vm.identifier)
    case .startSync:
      try await startSync(assignment, status, control)
      comparesAll = false
    case .endStream:
      try await control.endStream(stream)
      given = nil
    case .detach, .forget, .closePull: try await release(action, assignment)
    }
  }

  /// Actions that need no appliance.
  private func release(
    _ action: TapReconciler.Action,
    _ assignment: Assignment
  ) async throws(SiteError) {
    let vm = assignment.vm.identifier
    do {
      switch action {
      case .detach(let volume): try await context.hypervisor.detachTap(from: volume, of: vm)
      case .forget(let volume): try await context.hypervisor.dropChangeMaps(of: volume, of: vm)
      case .closePull: try await context.hypervisor.closePull(of: vm)
      case .protect, .attach, .startSync, .endStream: break
      }
    } catch { throw SiteError(error) }
  }

  private func attach(_ volume: VolumeIdentifier, of vm: VMIdentifier) async throws(SiteError) {
    guard let reply = given?.reply else { return }
    do {
      try await context.hypervisor.attachTap(
        to: volume,
        of: vm,
        socketPath: reply.tapSocketPath,
        exportName: volume.rawValue,
        stream: stream
      )
    } catch { throw SiteError(error) }
  }

  private func startSync(
    _ assignment: Assignment,
    _ status: ApplianceStatus,
    _ control: any ApplianceControl
  ) async throws(SiteError) {
    guard let reply = given?.reply else { return }
    let changed = try await changedRequest(assignment.vm, status, control, reply.pullSocketPath)
    let request: SyncRequest
    if let changed {
      request = changed
    } else {
      request = SyncRequest(
        pullSocketPath: reply.pullSocketPath,
        exportNames: try await openPull(assignment.vm, reply.pullSocketPath)
      )
    }
    try await control.sync(stream, request)
    let words = changed == nil ? "A sync" : "A sync of the changed blocks"
    await context.events.record(
      .initialSync,
      "\(words) of the VM \(assignment.vm.name) has begun.",
      vpgs: [assignment.definition.identifier]
    )
  }

  private func openPull(
    _ vm: VPGDefinition.ProtectedVM,
    _ socketPath: String
  ) async throws(SiteError) -> [VolumeIdentifier: String] {
    do {
      return try await context.hypervisor.openPull(
        of: vm.volumes.map(\.identifier),
        of: vm.identifier,
        socketPath: socketPath
      )
    } catch { throw SiteError(error) }
  }

  /// A sync by maps of changes, begun; nil if everything must be compared.
  ///
  /// The order counts: the stream keeps all writes before the maps are closed.
  private func changedRequest(
    _ vm: VPGDefinition.ProtectedVM,
    _ status: ApplianceStatus,
    _ control: any ApplianceControl,
    _ socketPath: String
  ) async throws(SiteError) -> SyncRequest? {
    if comparesAll { return nil }
    do {
      let maps = try await context.hypervisor.changeMaps(of: vm.identifier, stream: stream)
      let floors = vm.volumes.compactMap { volume in
        let ours = maps[volume.identifier] ?? []
        return ChangeMap.cover(ours) ? ours.first?.floor.rawValue : nil
      }
      guard let floor = floors.max() else { return nil }
      let begun = try await control.beginSync(stream, BeginSyncRequest(changesFloor: floor))
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
        changes: exports.compactMapValues(\.changes)
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

// MARK: - Maps of changes

extension StreamKeeper {
  /// The time by a clock that does not jump.
  private static var now: Duration { began.duration(to: .now) }
  private static let began = ContinuousClock.now

  /// Renews the disks' maps of changes; a failure costs time at the next sync, nothing else.
  private mutating func rotateChangeMaps(
    _ vm: VPGDefinition.ProtectedVM,
    _ status: ApplianceStatus,
    _ time: Duration
  ) async {
    guard let seen = status.streams.first(where: { $0.stream == stream }) else { return }
    let facts = ChangeMapRotation.Facts(
      order: .init(incarnation: status.incarnation, generation: seen.generation),
      isOrdered: seen.sync == .ordered,
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
          floor: facts.acknowledged
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
