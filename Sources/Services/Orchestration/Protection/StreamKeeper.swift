// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel

/// Keeps one stream of a protected VM, and the VM's taps for it: looks, lets a ``TapReconciler``
/// decide, and does it.
struct StreamKeeper {
  /// Memory for writes on their way: as much as the appliance's configuration allows a stream.
  static let bufferByteCount = UInt64(Int64.max)
  static let statusTimeout = Duration.seconds(2)
  static let longestPause = Duration.seconds(8)

  /// What the appliance was given, by which of its processes.
  struct Given {
    var incarnation: String
    var request: ProtectRequest
    var reply: ProtectReply
  }

  let context: SiteContext
  let keeper: ProtectionKeeper
  let stream: StreamIdentifier

  var reconciler = TapReconciler()
  var rotation = ChangeMapRotation()
  /// Whether the next sync compares everything, whatever the maps of changes say.
  var comparesAll = false
  var given: Given?
  var pause = Duration.zero
  var resting = ContinuousClock.now
  var nextFollowing = ContinuousClock.now

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

  mutating func look(_ assignment: Assignment) async throws(SiteError) {
    let began = Self.now
    let changeCount = await keeper.changeCount(of: assignment.vm.identifier)
    let vm: VirtualMachine?
    let taps: [VolumeIdentifier: TapState]
    do {
      vm = try await context.hypervisor.virtualMachine(assignment.vm.identifier)
      let isRunning = vm.map { $0.power != .off } ?? false
      taps = isRunning ? try await context.hypervisor.taps(of: assignment.vm.identifier) : [:]
    } catch { throw SiteError(error) }

    if await follow(vm, assignment) { return }
    // The appliance of a VM that is gone cannot be told from the others: ask the one that has it.
    let appliance: ApplianceIdentifier? =
      if let vm { context.appliances.appliance(on: vm.host)?.identifier } else {
        await context.appliances.sender(of: stream)
      }
    let status: ApplianceStatus? =
      if let appliance {
        await context.appliances.look(at: appliance, timeout: Self.statusTimeout)
      } else { nil }
    var request: ProtectRequest?
    do throws(SiteError) { request = try await self.request(assignment) } catch {
      // A disk that another tool needs is freed whether or not the other site is there.
      if assignment.suspended.isEmpty { throw error }
    }
    if try await settle(assignment, request, status) { return }
    // Whatever was ours on any disk goes with the protection.
    let tapped = (assignment.wish == .release ? assignment.vm : assignment.tapped).volumes
      .map(\.identifier)
    var facts = TapReconciler.Facts(
      wish: assignment.wish,
      volumes: tapped,
      isVMRunning: vm.map { $0.power != .off } ?? false,
      taps: taps.mapValues { $0 == .ready },
      appliance: status.map { status in self.facts(status, request) }
    )

    facts.suspended = assignment.suspended.intersection(tapped)
    facts.shared = assignment.shared
    if await keeper.takeSyncRequest(of: stream) {
      reconciler.requestSync()
      comparesAll = true
    }
    let actions = reconciler.actions(for: facts)
    let isReleased =
      assignment.wish == .release && actions.isEmpty && (status != nil || vm == nil)
    await keeper.note(stream, isReleased: isReleased, sender: appliance)
    await keeper.note(
      stream,
      free: actions.contains(where: \.isFreeing) ? [] : assignment.suspended
    )
    try await leaveOtherHosts(appliance)
    let isMyTurn =
      if actions.isEmpty { false } else {
        await keeper.beginChange(of: assignment.vm.identifier, decidedAt: changeCount)
      }
    if isMyTurn { try await carryOut(actions, assignment, request, appliance, status) }
    if actions.isEmpty, facts.wish == .protect, facts.isVMRunning, let status {
      await rotateChangeMaps(assignment.tapped, status, began)
    }
    guard vm != nil || assignment.wish == .release else {
      throw .notFound("The VM \(assignment.vm.name) is not there any more.")
    }
  }

  func facts(
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
  func request(_ assignment: Assignment) async throws(SiteError) -> ProtectRequest? {
    guard assignment.wish != .release else { return nil }
    guard let target = assignment.target else {
      try await keeper.findTargets(of: assignment.definition)
      throw .unreachable("The recovery site has not yet said where it takes the stream.")
    }
    let compression = await context.replication.settings.compression
    var request = ProtectRequest(
      vpg: assignment.definition.identifier,
      vm: assignment.vm.identifier,
      volumes: assignment.vm.volumes.map {
        ProtectRequest.Volume(
          identifier: $0.identifier,
          number: $0.number,
          byteCount: $0.byteCount
        )
      },
      remoteHost: target.host,
      remotePort: target.port,
      remoteSite: assignment.definition.recoverySite,
      compression: assignment.definition.policy.usesWANCompression ? compression : .none,
      priority: assignment.definition.policy.priority,
      bufferByteCount: Self.bufferByteCount,
      isPaused: assignment.wish == .pause
    )
    request.settled = assignment.vm.resting(in: assignment.settled).map(\.identifier)
    return request
  }

  /// Ends the stream at appliances of hosts the VM was migrated away from.
  func leaveOtherHosts(_ current: ApplianceIdentifier?) async throws(SiteError) {
    guard let current else { return }
    for other in await context.appliances.senders(of: stream) where other != current {
      try await context.appliances.client(for: other).endStream(stream)
    }
  }
}

extension TapReconciler.Action {
  /// Whether a disk is not free before this is done.
  fileprivate var isFreeing: Bool {
    switch self {
    case .detach, .closePull: true
    case .protect, .attach, .forget, .startSync, .endStream: false
    }
  }
}
