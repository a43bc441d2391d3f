// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

/// Keeps the taps and streams of all VMs this site protects as they should be: one keeper per
/// stream, each in a loop of its own, so that one that waits holds up no other.
actor ProtectionKeeper {
  private static let interval = Duration.milliseconds(500)

  /// What is known about one stream.
  private struct Entry {
    var assignment: Assignment
    var pulse: AsyncStream<Void>.Continuation
    /// Whether there is neither a tap nor a stream left, as was wished.
    var isReleased = false
    /// The appliance on the VM's host, once it was looked at.
    var sender: ApplianceIdentifier?
    var syncIsRequested = false
    /// Disks whose tap is suspended and that have nothing of ours on them.
    var free: Set<VolumeIdentifier> = []
  }

  private let context: SiteContext
  private var entries: [StreamIdentifier: Entry] = [:]
  /// What keeps streams from being as they should be.
  private(set) var troubles = StreamTroubles()
  private var targets: [StreamIdentifier: PrepareReply.StreamTarget] = [:]
  private var asking: Set<VPGIdentifier> = []
  private var following: Set<VPGIdentifier> = []
  /// How often each VM's taps and streams were changed, and whether somebody is at it.
  private var turns: [VMIdentifier: (count: Int, isTaken: Bool)] = [:]

  init(context: SiteContext) { self.context = context }

  // MARK: Running

  /// Runs until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.listen() }
      while !Task.isCancelled {
        for (stream, pulses) in await assign() {
          group.addTask {
            await StreamKeeper(context: self.context, keeper: self, stream: stream).run(pulses)
          }
        }
        for entry in entries.values { entry.pulse.yield() }
        do { try await Task.sleep(for: Self.interval) } catch { break }
      }
      for entry in entries.values { entry.pulse.finish() }
      group.cancelAll()
    }
  }

  /// Has streams synchronised again, though nothing says that they need it.
  func requestSync(of streams: [StreamIdentifier]) {
    for stream in streams {
      entries[stream]?.syncIsRequested = true
      entries[stream]?.pulse.yield()
    }
  }

  /// Whether a sync was requested since this was last asked.
  func takeSyncRequest(of stream: StreamIdentifier) -> Bool {
    let isRequested = entries[stream]?.syncIsRequested ?? false
    entries[stream]?.syncIsRequested = false
    return isRequested
  }

  /// Has everything looked at now.
  func nudge() {
    for entry in entries.values { entry.pulse.yield() }
  }

  private func listen() async {
    for await event in context.hypervisor.events() {
      switch event {
      case .started(let vm), .stopped(let vm), .tapBroken(let vm):
        for entry in entries.values where entry.assignment.vm.identifier == vm {
          entry.pulse.yield()
        }
      case .inventoryChanged: break
      }
    }
  }

  /// Brings the assignments up to date with the VPGs.
  ///
  /// - Returns: Streams that have no keeper yet.
  private func assign() async -> [(StreamIdentifier, AsyncStream<Void>)] {
    await endSuspensions()
    var wanted: [StreamIdentifier: Assignment] = [:]
    for record in await context.vpgs.all()
    where record.definition.protectedSite == context.site && record.phase != .creating {
      for vm in record.definition.vms {
        wanted[vm.stream] = Assignment(
          definition: record.definition,
          vm: vm,
          wish: Self.wish(record),
          target: targets[vm.stream],
          suspended: Self.suspended(vm, record, at: context.now()),
          settled: record.settled.filter { $0.stream == vm.stream }
        )
      }
    }
    // By VM: a site has thousands, and each is in few VPGs.
    let asWished = Dictionary(grouping: wanted.values, by: \.vm.identifier)
    for (stream, assignment) in wanted {
      wanted[stream]?.share(with: asWished[assignment.vm.identifier] ?? [])
    }
    for stream in entries.keys where wanted[stream] == nil {
      // No longer in any VPG: what is in place is taken away, then the keeper ends.
      entries[stream]?.assignment.wish = .release
      if let vm = entries[stream]?.assignment.vm.identifier {
        entries[stream]?.assignment.share(with: asWished[vm] ?? [])
      }
      if entries[stream]?.isReleased == true { forget(stream) }
    }
    var new: [(StreamIdentifier, AsyncStream<Void>)] = []
    for (stream, assignment) in wanted {
      if entries[stream] != nil {
        if assignment.wish != .release { entries[stream]?.isReleased = false }
        entries[stream]?.assignment = assignment
      } else {
        let (pulses, pulse) = AsyncStream.makeStream(
          of: Void.self,
          bufferingPolicy: .bufferingNewest(1)
        )
        entries[stream] = Entry(assignment: assignment, pulse: pulse)
        new.append((stream, pulses))
      }
    }
    return new
  }

  private func forget(_ stream: StreamIdentifier) {
    guard let entry = entries.removeValue(forKey: stream) else { return }
    entry.pulse.finish()
    targets[stream] = nil
    troubles.forget(stream)
    let vm = entry.assignment.vm.identifier
    if !entries.values.contains(where: { $0.assignment.vm.identifier == vm }) { turns[vm] = nil }
  }

  /// Forgets suspensions whose time is over; their taps come back with the next look.
  private func endSuspensions() async {
    let now = context.now()
    for record in await context.vpgs.all()
    where record.suspensions.contains(where: { $0.until <= now }) {
      let vpg = record.definition.identifier
      do throws(SiteError) {
        try await context.vpgs.update(vpg) { $0.suspensions.removeAll { $0.until <= now } }
      } catch {
        context.logger.error("suspension not ended", metadata: ["reason": "\(error.message)"])
        continue
      }
      await context.events.record(
        .resumeVPG,
        "The time is over for which taps of the VPG \(record.definition.name) were suspended.",
        vpgs: [vpg]
      )
    }
  }

  private static func suspended(
    _ vm: VPGDefinition.ProtectedVM,
    _ record: VPGRecord,
    at now: WallTime
  ) -> Set<VolumeIdentifier> {
    let volumes = vm.volumes.map(\.identifier).filter { volume in
      record.suspensions.contains { $0.frees(volume, of: vm.identifier, at: now) }
    }
    return Set(volumes)
  }

  private static func wish(_ record: VPGRecord) -> TapReconciler.Wish {
    switch record.phase {
    case .protecting, .handingOver: record.isPaused ? .pause : .protect
    case .creating, .failingOver, .recovered, .deleting: .release
    }
  }

  // MARK: For the keepers

  func assignment(of stream: StreamIdentifier) -> Assignment? { entries[stream]?.assignment }

  func note(_ stream: StreamIdentifier, isReleased: Bool, sender: ApplianceIdentifier?) {
    entries[stream]?.isReleased = isReleased
    entries[stream]?.sender = sender
  }

  func note(_ stream: StreamIdentifier, free: Set<VolumeIdentifier>) {
    entries[stream]?.free = free
  }

  /// Notes which disks the recovery site has for good, as the store has it by now.
  func note(_ stream: StreamIdentifier, settled: Set<SettledDisk>) {
    entries[stream]?.assignment.settled = settled
  }

  /// Notes in what a VM's disks are not what is protected; what is new is recorded as an event.
  func note(_ stream: StreamIdentifier, differences: [String]) async {
    guard let entry = entries[stream] else { return }
    let known = troubles.differences(of: stream)
    troubles.setDifferences(differences, of: stream)
    let new = differences.filter { !known.contains($0) }
    guard !new.isEmpty else { return }
    let vm = entry.assignment.vm.name
    await context.events.record(
      .updateVPG,
      "The VM \(vm) was changed: \(new.joined(separator: "; ")).",
      vpgs: [entry.assignment.definition.identifier]
    )
  }

  /// Whether the caller is to have a VPG follow its VMs' disks: one at a time does.
  func beginFollowing(_ vpg: VPGIdentifier) -> Bool { following.insert(vpg).inserted }

  func endFollowing(_ vpg: VPGIdentifier) { following.remove(vpg) }

  /// How often a VM's taps and streams were changed.
  func changeCount(of vm: VMIdentifier) -> Int { turns[vm]?.count ?? 0 }

  /// Takes a VM's taps for a change that was decided when they had been changed `count` times;
  /// whoever does has to give them back.
  ///
  /// The keepers of several streams of a VM find the same tap missing: one of them puts it in
  /// place, and the others look again.
  func beginChange(of vm: VMIdentifier, decidedAt count: Int) -> Bool {
    let turn = turns[vm] ?? (0, false)
    guard turn.count == count, !turn.isTaken else { return false }
    turns[vm] = (count, true)
    return true
  }

  func endChange(of vm: VMIdentifier) { turns[vm] = ((turns[vm]?.count ?? 0) + 1, false) }

  /// Whether nothing of ours is on these disks.
  func areFree(_ volumes: [VolumeIdentifier], of stream: StreamIdentifier) -> Bool {
    entries[stream].map { $0.free.isSuperset(of: volumes) } ?? true
  }

  func note(_ stream: StreamIdentifier, fault: String) {
    guard let entry = entries[stream], troubles.fault(of: stream) != fault else { return }
    troubles.setFault(fault, of: stream)
    guard !fault.isEmpty else { return }
    context.logger.warning(
      "stream not kept",
      metadata: ["vm": "\(entry.assignment.vm.name)", "reason": "\(fault)"]
    )
  }

  /// Asks the recovery site where it takes a VPG's streams, unless it is being asked.
  func findTargets(of definition: VPGDefinition) async throws(SiteError) {
    guard asking.insert(definition.identifier).inserted else { return }
    defer { asking.remove(definition.identifier) }
    let reply = try await context.peers.client(for: definition.recoverySite).prepare(definition)
    setTargets(reply.targets)
  }

  // MARK: For the site

  func setTargets(_ new: [StreamIdentifier: PrepareReply.StreamTarget]) {
    targets.merge(new) { _, new in new }
  }

  /// Has the recovery site asked again, because it does not hold the latest definition.
  func forgetTargets(of definition: VPGDefinition) {
    for vm in definition.vms { targets[vm.stream] = nil }
  }

  /// Whether nothing of these streams is left in place.
  func isReleased(_ streams: [StreamIdentifier]) -> Bool {
    streams.allSatisfy { entries[$0]?.isReleased ?? true }
  }

  /// Frees the guests from an appliance that does not answer.
  ///
  /// Nothing is asked first: a question could wait for the very appliance.
  func cutTaps(of appliance: SiteSettings.Appliance) async {
    await withDiscardingTaskGroup { group in
      for entry in entries.values {
        let vm = entry.assignment.vm
        guard entry.sender == nil || entry.sender == appliance.identifier else { continue }
        for volume in vm.volumes {
          group.addTask { [context] in
            // A disk without a tap has nothing to cut, which is as good.
            try? await context.hypervisor.cutTap(of: volume.identifier, of: vm.identifier)
          }
        }
      }
    }
  }
}
