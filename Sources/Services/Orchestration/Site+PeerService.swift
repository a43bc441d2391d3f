// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import Hypervisor
package import RecoveryModel
internal import Store

extension Site: PeerService {
  package func acceptPairing(_ request: PairRequest) async throws(SiteError) -> PairReply {
    try await pairing.accept(request)
  }

  package func endPairing(from caller: SiteIdentifier) async throws(SiteError) {
    try await pairing.unpaired(by: caller)
  }

  package func describe(
    to caller: SiteIdentifier
  ) async throws(SiteError) -> SiteDescription {
    try await requirePeer(caller)
    return try await context.description()
  }

  package func inventory(for caller: SiteIdentifier) async throws(SiteError) -> Inventory {
    try await requirePeer(caller)
    return try await inventory(of: context.site)
  }

  package func state(for caller: SiteIdentifier) async throws(SiteError) -> PeerState {
    try await requirePeer(caller)
    // Before anything is looked at: what changes meanwhile is asked for again.
    let version = context.historyVersion.value
    let records = await context.vpgs.all().filter { record in
      record.definition.peer(of: context.site) == caller
    }
    let judge = await witnesses.judge(of: records)
    var shares = records.map(judge.share)
    for (index, record) in records.enumerated() {
      shares[index].running = await witnesses.splitBrains.running(record)
      if record.definition.protectedSite == context.site {
        shares[index].isRestoring = await restores.isUnderWay(in: record.definition.identifier)
      }
      guard record.definition.recoverySite == context.site else { continue }
      let recovered = await witnesses.splitBrains.recovered(record)
      shares[index].parted = recovered?.checkpoint
      shares[index].isGivenUp = recovered?.isGivenUp
    }
    var state = PeerState(time: context.now(), vpgs: shares)
    state.historyVersion = version
    return state
  }

  package func problems(
    with definition: VPGDefinition,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> [String] {
    try await requirePeer(caller)
    return try await recoveryHalf.problems(with: definition, from: caller)
  }

  package func prepare(
    _ definition: VPGDefinition,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> PrepareReply {
    try await requirePeer(caller)
    if let known = await context.vpgs.record(definition.identifier), known.phase == .recovered {
      // The caller turned the VPG round: what it said before says nothing of now.
      await context.peers.forget(definition.identifier, at: caller)
    }
    return try await recoveryHalf.prepare(definition, from: caller)
  }

  package func dropRefusal(
    of vpg: VPGIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> String? {
    try await requirePeer(caller)
    return try await recoveryHalf.dropRefusal(of: vpg, from: caller)
  }

  package func drop(
    _ vpg: VPGIdentifier,
    keepsReplicas: Bool,
    force: Bool,
    from caller: SiteIdentifier
  ) async throws(SiteError) {
    try await requirePeer(caller)
    try await recoveryHalf.drop(
      vpg,
      keepsReplicas: keepsReplicas,
      force: force,
      from: caller
    )
  }

  package func checkpoints(
    of vpg: VPGIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> [Checkpoint] {
    let definition = try await record(vpg, sharedWith: caller).definition
    guard definition.recoverySite == context.site else {
      throw .invalid("The checkpoints of the VPG \(definition.name) are at its recovery site.")
    }
    return try await RecoverySite(context: context, definition: definition).checkpoints()
  }

  package func changes(
    _ request: PointChangesRequest,
    in vpg: VPGIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> ChangesReply {
    try await journal(of: request.stream, in: vpg, for: caller)
      .changes(of: request.stream, request.changes)
  }

  package func read(
    _ request: PointReadRequest,
    in vpg: VPGIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> PointReadReply {
    try await journal(of: request.stream, in: vpg, for: caller).read(request)
  }

  /// The appliance that keeps a VM's journal, for the site that protects the VM.
  private func journal(
    of stream: StreamIdentifier,
    in vpg: VPGIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> any ApplianceControl {
    let definition = try await record(vpg, sharedWith: caller).definition
    guard definition.recoverySite == context.site, definition.protectedSite == caller,
      let vm = definition.vms.first(where: { $0.stream == stream })
    else { throw .invalid("The VPG \(definition.name) has no such VM of the caller's.") }
    return try RecoverySite(context: context, definition: definition).appliance(of: vm)
  }

  /// Carries out what was asked for at the other site.
  ///
  /// It is never passed back, so that two sites that disagree about who owns a VPG do not play ball
  /// with it.
  package func perform(
    _ request: OperationRequest,
    on vpg: VPGIdentifier,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> TaskReply {
    let record = try await record(vpg, sharedWith: caller)
    guard await owner(of: request.operation, record) == context.site else {
      throw .invalid("The site \(context.settings.name) does not own this operation.")
    }
    return TaskReply(
      task: try await carryOut(request.operation, on: record, user: request.userName)
    )
  }

  package func create(
    _ request: CreateRequest,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> TaskReply {
    try await requirePeer(caller)
    guard request.definition.protectedSite == context.site,
      request.definition.recoverySite == caller
    else { throw .invalid("The VPG is not one of these two sites.") }
    return TaskReply(
      task: try await protectedHalf.create(request.definition, user: request.userName)
    )
  }

  package func source(
    _ request: SourceRequest,
    of vpg: VPGIdentifier,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> SourceReply {
    _ = try await record(vpg, sharedWith: caller)
    return try await standing.carryOut(request, of: vpg, from: caller)
  }

  package func keep(
    _ request: BlueprintRequest,
    in vpg: VPGIdentifier,
    from caller: SiteIdentifier
  ) async throws(SiteError) {
    let definition = try await record(vpg, sharedWith: caller).definition
    guard definition.protectedSite == caller,
      definition.vms.contains(where: { $0.stream == request.stream })
    else { throw .invalid("The VPG \(definition.name) has no such VM of the caller's.") }
    try await recoveryHalf.keep(request)
  }

  package func history(
    _ request: HistoryRequest,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> HistoryReply {
    try await requirePeer(caller)
    return try await SharedHistory(context: context).reply(to: request, for: caller)
  }

  package func task(
    _ task: TaskIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> TaskRecord {
    try await requirePeer(caller)
    return try await context.tasks.task(task)
  }

  private func requirePeer(_ caller: SiteIdentifier) async throws(SiteError) {
    if caller == context.site { return }
    guard await context.peers.record(of: caller) != nil else {
      throw .invalid("The site \(caller) is not paired with this one.")
    }
  }

  private func record(
    _ vpg: VPGIdentifier,
    sharedWith caller: SiteIdentifier
  ) async throws(SiteError) -> VPGRecord {
    try await requirePeer(caller)
    let record = try await record(vpg)
    guard record.definition.peer(of: context.site) == caller else {
      throw .notFound("There is no VPG \(vpg).")
    }
    return record
  }
}
