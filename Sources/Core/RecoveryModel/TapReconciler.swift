// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Decides what brings one protected VM's taps and one of its streams from how they are to how they
/// should be.
///
/// The driver looks, asks, carries the actions out in their order until one fails, and looks
/// again. Nothing depends on what was done before but four notes kept here, each of which errs on
/// the safe side in a manager that has just begun:
///
/// - A tap that was attached owes a sync: writes before it were not seen.
/// - A pull may be open until it was closed.
/// - A disk may have maps of changes until they were forgotten.
/// - A tap that seems ready but has no connection at the appliance was cut without the hypervisor
///   having noticed yet. It is replaced when two looks in a row find it so.
///
/// A disk has one tap, which feeds all the VM's streams: what others need stays when a stream ends,
/// and whoever finds it missing first puts it in place for all.
///
/// Every rule ends in an ordered stream or in nothing to do, so a driver that keeps asking never
/// loops without need.
package struct TapReconciler: Sendable {
  private var owesSync = false
  private var mayPull = true
  private var unconnected: Set<VolumeIdentifier> = []
  private var forgotten: Set<VolumeIdentifier> = []

  package init() {}

  /// What is to be done now, in this order.
  package mutating func actions(for facts: Facts) -> [Action] {
    if facts.wish == .release { return release(facts) }
    // Needs no appliance, and comes before all else: somebody waits for the disk.
    let freeing = free(facts)
    guard freeing.isEmpty else { return freeing }
    return facts.wish == .pause ? pause(facts) : protect(facts)
  }

  /// Has a sync begin as soon as one is possible.
  package mutating func requestSync() { owesSync = true }

  /// Notes that an action was carried out.
  package mutating func carriedOut(_ action: Action) {
    switch action {
    case .attach(let volume):
      owesSync = true
      unconnected.remove(volume)
      forgotten.remove(volume)
    case .startSync:
      owesSync = false
      mayPull = true
    case .closePull: mayPull = false
    case .forget(let volume): forgotten.insert(volume)
    case .protect, .detach, .endStream: break
    }
  }
}

extension TapReconciler {
  /// How things are.
  package struct Facts: Sendable, Equatable {
    package var wish: Wish
    /// The volumes the VPG's definition lists.
    package var volumes: [VolumeIdentifier]
    /// Whether the VM has a process whose disks can be tapped.
    package var isVMRunning: Bool
    /// Volumes that are left to other tools for now.
    package var suspended: Set<VolumeIdentifier> = []
    /// Volumes whose taps other streams of the VM need.
    package var shared: Set<VolumeIdentifier> = []
    /// Taps in place: whether each is ready.
    package var taps: [VolumeIdentifier: Bool]
    /// nil if the appliance does not answer.
    package var appliance: Appliance?

    package init(
      wish: Wish,
      volumes: [VolumeIdentifier],
      isVMRunning: Bool,
      taps: [VolumeIdentifier: Bool],
      appliance: Appliance?
    ) {
      self.wish = wish
      self.volumes = volumes
      self.isVMRunning = isVMRunning
      self.taps = taps
      self.appliance = appliance
    }
  }

  /// What the VM's stream should be.
  package enum Wish: Sendable, Equatable {
    case protect
    /// Taps stay; the appliance keeps nothing.
    case pause
    /// No taps, no stream.
    case release
  }

  /// The appliance on the VM's host.
  package struct Appliance: Sendable, Equatable {
    /// Whether this process of it has the request that is wished for.
    package var hasRequest: Bool
    /// nil if it does not know the stream.
    package var stream: Stream?

    package init(hasRequest: Bool, stream: Stream?) {
      self.hasRequest = hasRequest
      self.stream = stream
    }
  }

  /// What the appliance says of the stream.
  package struct Stream: Sendable, Equatable {
    package var sync: SyncState
    package var needsSync: Bool
    /// Whether the link to the recovery site is up.
    package var isConnected: Bool
    package var connectedVolumes: Set<VolumeIdentifier>

    package init(
      sync: SyncState,
      needsSync: Bool,
      isConnected: Bool,
      connectedVolumes: Set<VolumeIdentifier>
    ) {
      self.sync = sync
      self.needsSync = needsSync
      self.isConnected = isConnected
      self.connectedVolumes = connectedVolumes
    }
  }

  /// One thing to do.
  package enum Action: Sendable, Equatable {
    /// Give the appliance the request.
    case protect
    case attach(VolumeIdentifier)
    case detach(VolumeIdentifier)
    /// Drop the stream's maps of changes of the disk.
    case forget(VolumeIdentifier)
    /// Offer the disks for reading and ask the appliance for a sync.
    case startSync
    /// Stop offering the disks for reading.
    case closePull
    case endStream
  }
}

extension TapReconciler {
  private mutating func release(_ facts: Facts) -> [Action] {
    var actions: [Action] = []
    if facts.isVMRunning {
      actions += facts.taps.keys.filter { !facts.shared.contains($0) }.sorted().map { .detach($0) }
      if mayPull { actions.append(.closePull) }
      actions += facts.volumes.filter { !forgotten.contains($0) }.map { .forget($0) }
    }
    if facts.appliance?.stream != nil { actions.append(.endStream) }
    unconnected = []
    return actions
  }

  /// Takes what is ours off disks that are left to other tools; their maps of changes stay.
  private func free(_ facts: Facts) -> [Action] {
    guard facts.isVMRunning, !facts.suspended.isEmpty else { return [] }
    let tapped = facts.taps.keys.filter(facts.suspended.contains).sorted()
    return tapped.map { .detach($0) } + (mayPull ? [.closePull] : [])
  }

  private func pause(_ facts: Facts) -> [Action] {
    guard let appliance = facts.appliance else { return [] }
    return appliance.stream == nil || !appliance.hasRequest ? [.protect] : []
  }

  private mutating func protect(_ facts: Facts) -> [Action] {
    guard let appliance = facts.appliance else { return [] }
    guard let stream = appliance.stream, appliance.hasRequest else { return [.protect] }
    guard facts.isVMRunning else {
      unconnected = []
      return []
    }

    let stale = facts.taps.keys.filter { !facts.volumes.contains($0) }.sorted()
    let wanted = facts.volumes.filter { !facts.suspended.contains($0) }
    let missing = wanted.filter { facts.taps[$0] != true }
    let silent = wanted.filter {
      facts.taps[$0] == true && !stream.connectedVolumes.contains($0)
    }
    let lost = silent.filter { unconnected.contains($0) }
    unconnected = Set(silent)
    var actions: [Action] = stale.flatMap { volume -> [Action] in
      guard facts.shared.contains(volume) else { return [.detach(volume), .forget(volume)] }
      return forgotten.contains(volume) ? [] : [.forget(volume)]
    }
    for volume in lost { actions += [.detach(volume), .attach(volume)] }
    actions += missing.map { .attach($0) }
    // With a disk missing there is no order to bring about.
    guard actions.isEmpty && silent.isEmpty && facts.suspended.isEmpty else { return actions }

    // A sync that waits to begin is idle too, and does not need to be asked for again.
    if owesSync || stream.needsSync {
      return stream.isConnected ? [.startSync] : []
    }
    return stream.sync == .ordered && mayPull ? [.closePull] : []
  }
}
