// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Scripts
internal import Store

/// What the recovery site does for a VPG beside recoveries: it keeps the journals and the
/// replicas for as long as the protected site wants them.
struct RecoveryHalf: Sendable {
  let context: SiteContext
  let recovery: any RecoveryOperating

  /// Makes the site ready for a VPG's streams, or takes a newer definition of one.
  func prepare(
    _ definition: VPGDefinition,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> PrepareReply {
    guard definition.protectedSite == caller, definition.recoverySite == context.site else {
      throw .invalid("The VPG \(definition.name) is not one of these two sites.")
    }
    await context.vpgs.beginPreparation(of: definition.identifier)
    do throws(SiteError) {
      let reply = try await prepareAlone(definition)
      await context.vpgs.endPreparation(of: definition.identifier)
      return reply
    } catch {
      await context.vpgs.endPreparation(of: definition.identifier)
      throw error
    }
  }

  private func prepareAlone(_ definition: VPGDefinition) async throws(SiteError) -> PrepareReply {
    var known = await context.vpgs.record(definition.identifier)
    if let before = known, isReversal(definition, of: before) { known = nil }
    if let known { try await refuseUnlessPossible(definition, known) }
    let inventory: Inventory
    do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    var check = DefinitionCheck(definition)
    check.checkItself(others: await context.vpgs.all())
    check.checkRecovery(inventory, hostsWithAppliance: context.appliances.hosts(of: inventory))
    if let known { check.checkRelocation(from: known.definition, inventory) }
    try await checkRepository(&check, known?.definition)
    try check.finish()

    if let known, known.definition != definition {
      let change = RecoveryChange(half: self, record: known, new: definition)
      return PrepareReply(targets: try await change.carryOut(inventory))
    }
    // Remembered first: a journal that was made can then be found and removed again.
    if known == nil {
      try await context.vpgs.save(VPGRecord(definition: definition, phase: .creating))
    }
    let targets = try await RecoverySite(context: context, definition: definition)
      .keepJournals(inventory)
    try await context.vpgs.update(definition.identifier) {
      if $0.phase == .creating { $0.phase = .protecting }
    }
    return PrepareReply(targets: targets, moves: try await moves(definition))
  }

  /// What a definition newly names that this site does not have, besides what its hypervisor knows:
  /// a script that is missing in a disaster would end the recovery it is for.
  func problems(
    with definition: VPGDefinition,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> [String] {
    guard definition.protectedSite == caller, definition.recoverySite == context.site else {
      throw .invalid("The VPG \(definition.name) is not one of these two sites.")
    }
    let known = await context.vpgs.record(definition.identifier)?.definition
    var check = DefinitionCheck(definition)
    if let folders = context.scripts?.folders { check.checkScripts(in: folders, changing: known) }
    try await checkRepository(&check, known)
    return check.problems
  }

  /// What was asked already, and is only said again, must not keep the VPG from its journals.
  private func checkRepository(
    _ check: inout DefinitionCheck,
    _ known: VPGDefinition?
  ) async throws(SiteError) {
    guard let policy = check.definition.retention, policy != known?.retention else { return }
    let repositories = try await RepositoryBook(context: context).all()
    check.checkRepository(repositories.map(\.identifier))
  }

  /// How far journals and replicas are that are not where the definition says.
  private func moves(
    _ definition: VPGDefinition
  ) async throws(SiteError) -> [StreamIdentifier: JournalStatus.Move] {
    var moves: [StreamIdentifier: JournalStatus.Move] = [:]
    for host in Set(definition.vms.compactMap(definition.recoveryHost)) {
      let status = try await context.appliances.client(on: host).status(timeout: nil)
      for journal in status.journals where definition.streams.contains(journal.stream) {
        moves[journal.stream] = journal.move
      }
    }
    return moves
  }

  /// Whether this is the way back of a VPG whose VMs were recovered at the other site for good.
  private func isReversal(_ definition: VPGDefinition, of known: VPGRecord) -> Bool {
    known.phase == .recovered && known.definition.protectedSite == context.site
      && known.definition.generation < definition.generation
  }

  private func refuseUnlessPossible(
    _ definition: VPGDefinition,
    _ known: VPGRecord
  ) async throws(SiteError) {
    let name = definition.name
    guard known.definition == definition || known.definition.generation < definition.generation
    else { throw .conflict("The recovery site has a newer definition of the VPG \(name).") }
    guard known.definition.protectedSite == definition.protectedSite else {
      throw .conflict("Both sites of the VPG \(name) hold themselves for the protected one.")
    }
    guard known.phase == .protecting || known.phase == .creating else {
      throw .conflict(
        "The VPG \(name) cannot be changed at the recovery site: it is \(known.phase)."
      )
    }
    if known.definition != definition, await recovery.progress(of: definition.identifier) != nil {
      throw .conflict("The VPG \(name) cannot be changed during a test or failover.")
    }
    if known.definition != definition { try await refuseIfReading(definition) }
  }

  private func refuseIfReading(_ definition: VPGDefinition) async throws(SiteError) {
    if await recovery.isCloning(definition.identifier) {
      throw .conflict(
        "A clone of the VPG \(definition.name) is being made; wait for its end or abort it first."
      )
    }
    if await recovery.isRetaining(definition.identifier) {
      throw .conflict(Retentions.isBusy(definition.name))
    }
    if await recovery.isSearching(definition.identifier) {
      throw .conflict(
        "The last good point of the VPG \(definition.name) is being searched for; wait for the end "
          + "or abort it first."
      )
    }
  }

  /// Takes back changes that a manager that was stopped had begun.
  func resume() async {
    for record in await context.vpgs.all()
    where record.pending != nil && record.definition.recoverySite == context.site {
      guard let pending = record.pending else { continue }
      let vpg = record.definition.identifier
      // Who changed the VPG meanwhile took back what was left.
      await context.vpgs.beginPreparation(of: vpg)
      await RecoveryChange(half: self, record: record, new: pending).takeBack()
      await context.vpgs.endPreparation(of: vpg)
    }
  }

  /// Ends the VPG here.
  ///
  /// One that is gone already is fine. `force` ends a copy to a repository, which refuses
  /// otherwise.
  func drop(
    _ vpg: VPGIdentifier,
    keepsReplicas: Bool,
    force: Bool,
    from caller: SiteIdentifier?
  ) async throws(SiteError) {
    guard let record = await context.vpgs.record(vpg) else { return }
    let definition = record.definition
    guard definition.recoverySite == context.site,
      caller == nil || caller == definition.protectedSite
    else { throw .invalid("The VPG \(definition.name) is not recovered at this site.") }
    try await refuseDrop(of: definition, force: force)
    // After a failover the replicas are the disks of the recovered VMs.
    let wasRecovered = record.phase == .recovered || record.deletion?.phaseBefore == .recovered
    let keeps = keepsReplicas || wasRecovered
    for vm in definition.vms { try await endJournal(of: vm, in: definition, keepsReplica: keeps) }
    try await context.vpgs.remove(vpg)
  }

  /// Why the VPG cannot be ended here now; nil if it can, or is gone already.
  func dropRefusal(
    of vpg: VPGIdentifier,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> String? {
    guard let definition = await context.vpgs.record(vpg)?.definition,
      definition.recoverySite == context.site, definition.protectedSite == caller
    else { return nil }
    do throws(SiteError) { try await refuseDrop(of: definition, force: false) } catch {
      guard case .conflict(let reason) = error else { throw error }
      return reason
    }
    return nil
  }

  private func refuseDrop(
    of definition: VPGDefinition,
    force: Bool
  ) async throws(SiteError) {
    let vpg = definition.identifier
    if await recovery.progress(of: vpg) != nil {
      throw .conflict(
        "A test or failover of the VPG \(definition.name) is under way; end it first."
      )
    }
    if force {
      try await recovery.endRetaining(
        vpg,
        because: "The copy was ended by the deletion of its VPG."
      )
    }
    try await refuseIfReading(definition)
    // All or none: a journal that is ended is gone, whatever becomes of the others.
    try await JournalReaders(site: RecoverySite(context: context, definition: definition))
      .refuse(definition.vms) { vm in
        "The VPG \(definition.name) cannot be deleted: a point of the journal of the VM \(vm.name)"
      }
  }

  func endJournal(
    of vm: VPGDefinition.ProtectedVM,
    in definition: VPGDefinition,
    keepsReplica: Bool
  ) async throws(SiteError) {
    let site = RecoverySite(context: context, definition: definition)
    try await site.appliance(of: vm).endJournal(vm.stream, keepsReplica: keepsReplica)
    do { try await context.store.removeBlueprint(of: vm.stream) } catch { throw SiteError(error) }
  }

  /// Remembers what a VM is that would be recovered here.
  func keep(_ request: BlueprintRequest) async throws(SiteError) {
    let record = BlueprintRecord(stream: request.stream, blueprint: request.blueprint)
    do { try await context.store.save(record) } catch { throw SiteError(error) }
  }
}
