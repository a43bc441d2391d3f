// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

/// Takes samples of what the VMs that this site recovers use, at both sites, and thins old ones.
///
/// A recovery site has everything at hand: its own journals and replicas, and what the protected
/// site last said of the VMs.
package struct ResourceSampler: Sendable {
  private static let patience = Duration.seconds(60)

  let context: SiteContext
  let witnesses: VPGWitnesses

  /// Samples until the task is cancelled.
  func run() async {
    let rules = context.settings.samples
    while !Task.isCancelled {
      do {
        let latest = try await context.store.latestSampleTime()
        let wait = rules.wait(at: context.now(), after: latest)
        try await Task.sleep(for: .seconds(wait))
        try await sample()
        // Without VMs there is no sample to count from.
        if try await context.store.latestSampleTime() == latest {
          try await Task.sleep(for: Self.patience)
        }
      } catch {
        guard !Task.isCancelled else { return }
        context.logger.warning("no resource samples", metadata: ["reason": "\(error)"])
        guard (try? await Task.sleep(for: Self.patience)) != nil else { return }
      }
    }
  }

  /// Takes one sample of every VM and keeps them.
  package func sample() async throws {
    let now = context.now()
    let own = try await context.hypervisor.inventory()
    var samples: [ResourceSample] = []
    for record in await context.vpgs.all()
    where record.definition.recoverySite == context.site && record.phase != .deleting {
      let peer = record.definition.protectedSite
      let isHere = record.definition.isWithinOneSite
      let share =
        isHere
        ? await witnesses.judge(of: record).share(record)
        : await context.peers.share(of: record.definition.identifier, at: peer)
      let other = isHere ? own : await context.peers.knownInventory(of: peer)
      for vm in record.definition.vms {
        samples.append(await sample(vm, record, share, own: own, other: other, at: now))
      }
    }
    if !samples.isEmpty { try await context.store.save(samples) }
    let rules = context.settings.samples
    try await context.store.thinResourceSamples(
      before: rules.wholeUntil(now),
      end: rules.end(now)
    )
  }

  private func sample(
    _ vm: VPGDefinition.ProtectedVM,
    _ record: VPGRecord,
    _ share: VPGShare?,
    own: Inventory,
    other: Inventory?,
    at now: WallTime
  ) async -> ResourceSample {
    let definition = record.definition
    let machine = other?.virtualMachines.first { $0.identifier == vm.identifier }
    var sample = ResourceSample(
      time: now,
      vpg: definition.identifier,
      vpgName: definition.name,
      vm: vm.identifier,
      vmName: machine?.name ?? vm.name
    )
    sample.organisation = definition.policy.zorg
    sample.serviceProfile = definition.policy.serviceProfile
    let use = share?.use[vm.stream]
    // What a site said before it fell silent is not what it uses now.
    if await context.peers.isConnected(definition.protectedSite), let use {
      sample.throughput = use.bytesPerSecond
      sample.bandwidth = use.sentBytesPerSecond
      sample.protected.cpuUsedInMHz = use.cpuUsedInMHz
      sample.protected.activeMemoryInMB = use.activeMemoryInMB
      sample.protected.consumedMemoryInMB = use.consumedMemoryInMB
    }
    let site = definition.protectedSite
    sample.protected.siteName = await context.name(of: site)
    sample.protected.hostName = other?.hosts.first { $0.identifier == machine?.host }?.name ?? ""
    sample.protected.applianceName = use?.applianceName ?? ""
    let hardware = machine?.hardware ?? vm.hardware
    sample.protected.hardwareVersion = hardware.machine
    sample.protected.cpuCount = hardware.cpuCount
    sample.protected.memoryInMB = hardware.memoryInMB
    sample.protected.cpuLimitInMHz = machine?.limits?.cpuInMHz
    sample.protected.memoryLimitInMB = machine?.limits?.memoryInMB
    sample.protected.memoryReservedInMB = machine?.limits?.reservedMemoryInMB
    sample.protected.volumeCount = vm.volumes.count
    sample.protected.provisionedByteCount = vm.volumes.map(\.byteCount).reduce(0, +)
    sample.protected.usedByteCount =
      machine?.disks.map(\.allocatedByteCount).reduce(0, +) ?? 0
    sample.recovery = await recovery(vm, definition, own)
    return sample
  }

  private func recovery(
    _ vm: VPGDefinition.ProtectedVM,
    _ definition: VPGDefinition,
    _ own: Inventory
  ) async -> ResourceSample.Recovery {
    var recovery = ResourceSample.Recovery()
    let host = definition.recoveryHost(of: vm)
    recovery.siteName = context.settings.name
    recovery.hostName = own.hosts.first { $0.identifier == host }?.name ?? ""
    recovery.applianceName =
      host.flatMap { context.appliances.appliance(on: $0) }?.identifier.rawValue ?? ""
    let datastores = Set(vm.volumes.map { definition.recoveryDatastore(of: $0, in: vm) })
    recovery.datastoreNames = own.datastores.filter { datastores.contains($0.identifier) }
      .map(\.name)
    recovery.provisionedByteCount = vm.volumes.map(\.byteCount).reduce(0, +)
    let journal = await context.appliances.journal(vm.stream)
    recovery.usedByteCount = journal?.replicaByteCount ?? 0
    recovery.journalUsedByteCount = journal?.journalByteCount ?? 0
    recovery.journalLimitByteCount =
      definition.journalLimits(of: vm).hardLimitByteCount(of: vm) ?? 0
    return recovery
  }
}
