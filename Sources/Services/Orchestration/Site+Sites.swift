// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
package import Hypervisor
package import RecoveryModel
internal import Store

extension Site {
  package var siteIdentifier: SiteIdentifier { context.site }

  package func localSite() async -> LocalSiteView {
    let settings = context.settings
    let hypervisorVersion: String
    do { hypervisorVersion = try await context.hypervisor.version() } catch {
      hypervisorVersion = ""
    }
    return LocalSiteView(
      identifier: settings.identifier,
      name: settings.name,
      location: settings.location,
      contactName: settings.contactName,
      contactEmail: settings.contactEmail,
      contactPhone: settings.contactPhone,
      version: settings.version,
      address: settings.peerHost,
      hypervisorVersion: hypervisorVersion,
      utcOffsetInMinutes: TimeZone.current.secondsFromGMT() / 60,
      bandwidthLimit: await context.replication.settings.bandwidth.limit(at: context.moment())
    )
  }

  package func peerSites() async throws(SiteError) -> [PeerSiteView] {
    let records = await context.vpgs.all()
    let judge = await witnesses.judge(of: records)
    let vpgs = records.map(judge.view)
    var views: [PeerSiteView] = []
    for peer in await context.peers.all() {
      let shared = vpgs.filter { $0.definition.peer(of: context.site) == peer.site }
      let incoming = shared.filter { $0.definition.recoverySite == context.site }
      var outgoing = 0.0
      for vpg in shared where vpg.definition.protectedSite == context.site {
        for vm in vpg.definition.vms {
          outgoing += judge.appliances.rate(of: vm.stream).sentBytes
        }
      }
      views.append(
        PeerSiteView(
          identifier: peer.site,
          name: peer.name,
          location: peer.location,
          host: peer.host,
          port: peer.port,
          version: peer.version,
          isConnected: judge.peers.isConnected(peer.site),
          provisionedStorageInMB: shared.map(\.provisionedStorageInMB).reduce(0, +),
          usedStorageInMB: shared.map(\.usedStorageInMB).reduce(0, +),
          incomingMBPerSecond: incoming.map(\.throughputInMBPerSecond).reduce(0, +),
          outgoingMBPerSecond: outgoing / 1_048_576
        )
      )
    }
    return views
  }

  package func generatePairingToken() async throws(SiteError) -> PairingTokenView {
    try await pairing.generateToken()
  }

  package func pair(
    host: String,
    port: Int,
    token: String,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try await pairing.pair(host: host, port: port, token: token, user: user)
  }

  package func unpair(
    _ site: SiteIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    try await pairing.unpair(site, user: user)
  }

  package func inventory(of site: SiteIdentifier) async throws(SiteError) -> Inventory {
    guard site == context.site else {
      return try await context.peers.client(for: site).inventory()
    }
    do { return try await context.hypervisor.inventory() } catch { throw SiteError(error) }
  }

  package func unprotectedVMs(
    of site: SiteIdentifier
  ) async throws(SiteError) -> [VirtualMachine] {
    let taken = Set(
      await context.vpgs.all()
        .filter { $0.definition.protectedSite == site && $0.phase != .recovered }
        .flatMap { $0.definition.vms.map(\.identifier) }
    )
    return try await inventory(of: site).virtualMachines
      .filter { !taken.contains($0.identifier) }
  }

  package func appliances() async throws(SiteError) -> [ApplianceView] {
    let hosts = try await inventory(of: context.site).hosts
    let levels = await alertBook.levels()
    var views: [ApplianceView] = []
    for appliance in context.appliances.all {
      let host = hosts.first {
        context.appliances.appliance(on: $0.identifier)?.identifier == appliance.identifier
      }
      let sighting = await context.appliances.sighting(of: appliance.identifier)
      let memory = sighting?.status.residentMemoryInBytes ?? 0
      var view = ApplianceView(
        identifier: appliance.identifier,
        number: appliance.number,
        host: host?.identifier ?? HostIdentifier(""),
        hostName: host?.name ?? appliance.hostName ?? "",
        hostVersion: host?.version ?? "",
        address: appliance.streamHost,
        version: sighting?.status.version ?? "",
        isRunning: sighting?.isReachable ?? false,
        memoryInGB: Int((memory + (1 << 30) - 1) >> 30),
        cpuCount: sighting?.status.processorCount ?? 0,
        protected: await counters(sighting?.status.streams.map { ($0.vpg, $0.stream) } ?? []),
        recovery: await counters(sighting?.status.journals.map { ($0.vpg, $0.stream) } ?? [])
      )
      view.group = appliance.group
      view.selfProtectedVPGs = await countWithinSite(sighting?.status.streams.map(\.vpg) ?? [])
      let journals =
        sighting?.status.journals.map { AlertCondition.Subject.stream($0.stream) } ?? []
      view.alertLevel = levels.level(ofAny: [.appliance(appliance.identifier)] + journals)
      views.append(view)
    }
    return views
  }

  /// Of these VPGs, those whose recovery site is this one too.
  private func countWithinSite(_ vpgs: [VPGIdentifier]) async -> Int {
    var count = 0
    for vpg in Set(vpgs) {
      let definition = await context.vpgs.record(vpg)?.definition
      if definition?.recoverySite == definition?.protectedSite, definition != nil { count += 1 }
    }
    return count
  }

  private func counters(
    _ streams: [(vpg: VPGIdentifier, stream: StreamIdentifier)]
  ) async -> ApplianceView.Counters {
    let names = Set(streams.map(\.stream))
    // A VM in several VPGs is one VM, with its disks.
    var vms: [VMIdentifier: Set<VolumeIdentifier>] = [:]
    for vm in await context.vpgs.all().flatMap(\.definition.vms) where names.contains(vm.stream) {
      vms[vm.identifier, default: []].formUnion(vm.volumes.map(\.identifier))
    }
    return ApplianceView.Counters(
      vpgs: Set(streams.map(\.vpg)).count,
      vms: vms.count,
      volumes: vms.values.map(\.count).reduce(0, +)
    )
  }

  // MARK: Protected VMs

  package func protectedVMs(
    where isWanted: @Sendable (VPGDefinition) -> Bool
  ) async throws(SiteError) -> [ProtectedVMView] {
    let records = await context.vpgs.all().filter { isWanted($0.definition) }
    let judge = await witnesses.judge(of: records)
    var machines: [SiteIdentifier: [VMIdentifier: VirtualMachine]] = [:]
    for site in Set(records.map(\.definition.protectedSite)) {
      let found = await knownInventory(of: site)?.virtualMachines ?? []
      machines[site] = Dictionary(found.map { ($0.identifier, $0) }) { first, _ in first }
    }
    return records.flatMap { record in
      let view = judge.view(record)
      return record.definition.vms.map { vm in
        let machine = machines[record.definition.protectedSite]?[vm.identifier]
        return Self.protectedVM(vm, view, judge.facts(of: vm, in: record), machine)
      }
    }
  }

  package func protectedVMs(
    _ vm: VMIdentifier
  ) async throws(SiteError) -> [ProtectedVMView] {
    let records = await context.vpgs.records(of: vm)
    let judge = await witnesses.judge(of: records)
    var views: [ProtectedVMView] = []
    for record in records {
      guard let member = record.definition.vms.first(where: { $0.identifier == vm }) else {
        continue
      }
      let facts = judge.facts(of: member, in: record)
      let machine = await machine(vm, at: record.definition.protectedSite)
      views.append(Self.protectedVM(member, judge.view(record), facts, machine))
    }
    return views
  }

  private static func protectedVM(
    _ vm: VPGDefinition.ProtectedVM,
    _ view: VPGView,
    _ facts: VPGJudge.VMFacts,
    _ found: VirtualMachine?
  ) -> ProtectedVMView {
    ProtectedVMView(
      vm: vm,
      vpg: view,
      virtualMachine: found,
      hostName: found?.host.name ?? "",
      datastoreName: found?.disks.first?.datastore?.name ?? "",
      recoveryHostName: view.definition.recoveryHost(of: vm)?.name ?? "",
      journalUsedInMB: Int64((facts.journal?.journalByteCount ?? 0) >> 20),
      actualRPOInSeconds: facts.stream.flatMap { stream in
        stream.sync == .ordered && stream.isConnected
          ? Int((max(stream.rpoInMilliseconds, 0) + 999) / 1000) : nil
      } ?? view.actualRPOInSeconds,
      writesPerSecond: facts.use.writesPerSecond,
      throughputInMBPerSecond: facts.use.bytesPerSecond / 1_048_576,
      outgoingMbitPerSecond: facts.use.sentBytesPerSecond * 8 / 1_000_000
    )
  }

  /// A site's inventory as it is, or as it last was if the site does not answer.
  private func knownInventory(of site: SiteIdentifier) async -> Inventory? {
    if site == context.site { return try? await context.hypervisor.inventory() }
    return await context.peers.knownInventory(of: site)
  }

  /// A VM as ``knownInventory(of:)`` has it; the hypervisor is asked about this one alone.
  private func machine(_ vm: VMIdentifier, at site: SiteIdentifier) async -> VirtualMachine? {
    if site == context.site { return try? await context.hypervisor.virtualMachine(vm) }
    return await context.peers.knownInventory(of: site)?
      .virtualMachines.first { $0.identifier == vm }
  }
}
