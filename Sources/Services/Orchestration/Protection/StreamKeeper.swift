// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
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
    let facts = TapReconciler.Facts(
      wish: assignment.wish,
      volumes: assignment.vm.volumes.map(\.identifier),
      isVMRunning: vm.map { $0.power != .off } ?? false,
      taps: taps.mapValues { $0 == .ready },
      appliance: status.map { status in self.facts(status, request) }
    )

    if await keeper.takeSyncRequest(of: stream) { reconciler.requestSync() }
    let actions = reconciler.actions(for: facts)
    let isReleased =
      assignment.wish == .release && actions.isEmpty && (status != nil || vm == nil)
    await keeper.note(stream, isReleased: isReleased, sender: appliance)
    for action in actions {
      try await carryOut(action, assignment, request, appliance, status)
      reconciler.carriedOut(action)
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
    case .startSync: try await startSync(assignment, control)
    case .endStream:
      try await control.endStream(stream)
      given = nil
    case .detach, .closePull: try await release(action, assignment)
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
        exportName: volume.rawValue
      )
    } catch { throw SiteError(error) }
  }

  private func startSync(
    _ assignment: Assignment,
    _ control: any ApplianceControl
  ) async throws(SiteError) {
    guard let reply = given?.reply else { return }
    let names: [VolumeIdentifier: String]
    do {
      names = try await context.hypervisor.openPull(
        of: assignment.vm.volumes.map(\.identifier),
        of: assignment.vm.identifier,
        socketPath: reply.pullSocketPath
      )
    } catch { throw SiteError(error) }
    try await control.sync(
      stream,
      SyncRequest(pullSocketPath: reply.pullSocketPath, exportNames: names)
    )
    await context.events.record(
      .initialSync,
      "A sync of the VM \(assignment.vm.name) has begun.",
      vpgs: [assignment.definition.identifier]
    )
  }
}
