// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

/// A change of a VPG's definition at its recovery site: all of it or nothing.
///
/// The new definition is stored as pending first, so that a manager that is stopped on the way
/// knows what to take back. The VPG has it once every journal of it is there; only then journals of
/// VMs that left the VPG go. Those of VMs that are recovered on another host from now on are handed
/// over, appliance to appliance; at each moment one of them at most can open such a journal.
struct RecoveryChange: Sendable {
  let half: RecoveryHalf
  /// The VPG as it is before the change.
  let record: VPGRecord
  let new: VPGDefinition

  private var context: SiteContext { half.context }
  private var old: VPGDefinition { record.definition }

  private var leaving: [VPGDefinition.ProtectedVM] {
    old.vms.filter { vm in !new.vms.contains { $0.stream == vm.stream } }
  }

  private var joining: [VPGDefinition.ProtectedVM] {
    new.vms.filter { vm in !old.vms.contains { $0.stream == vm.stream } }
  }

  /// VMs whose journal another appliance is to have, as they were and as they are to be.
  private var moving: [(from: VPGDefinition.ProtectedVM, to: VPGDefinition.ProtectedVM)] {
    new.vms.compactMap { vm in
      guard let before = old.vms.first(where: { $0.stream == vm.stream }) else { return nil }
      let places = [old.recoveryHost(of: before), new.recoveryHost(of: vm)]
        .map { $0.flatMap(context.appliances.appliance)?.identifier }
      return places[0] == places[1] ? nil : (before, vm)
    }
  }

  /// - Returns: Where each stream is to be sent.
  func carryOut(
    _ inventory: Inventory
  ) async throws(SiteError) -> [StreamIdentifier: PrepareReply.StreamTarget] {
    try await refuseWhileRead()
    if let left = record.pending, left != new {
      await RecoveryChange(half: half, record: record, new: left).takeBack()
    }
    let new = new
    try await context.vpgs.update(new.identifier) { $0.pending = new }
    let targets: [StreamIdentifier: PrepareReply.StreamTarget]
    do throws(SiteError) {
      for (from, to) in moving {
        try await site(old).appliance(of: from).handOverJournal(from.stream)
        try await take(to, in: new, inventory)
      }
      targets = try await site(new).keepJournals(inventory)
      try await context.vpgs.update(new.identifier) {
        $0.definition = new
        $0.pending = nil
        if $0.phase == .creating { $0.phase = .protecting }
      }
    } catch {
      await takeBack()
      throw error
    }
    await endLeaving()
    return targets
  }

  /// Puts everything as it was before the change, unless the store says that it was carried out.
  ///
  /// What an appliance that does not answer still has is taken back with the next change or start.
  func takeBack() async {
    do throws(SiteError) {
      guard try await context.vpgs.reread(old.identifier)?.pending == new else { return }
      for vm in joining { try await half.endJournal(of: vm, in: new, keepsReplica: false) }
      let inventory: Inventory
      do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
      for (from, to) in moving { try await takeBack(from, to, inventory) }
      _ = try await site(old).keepJournals(inventory)
      try await context.vpgs.update(old.identifier) { $0.pending = nil }
    } catch {
      context.logger.error(
        "change of a VPG not taken back",
        metadata: ["vpg": "\(old.name)", "reason": "\(error.message)"]
      )
    }
  }

  private func takeBack(
    _ from: VPGDefinition.ProtectedVM,
    _ to: VPGDefinition.ProtectedVM,
    _ inventory: Inventory
  ) async throws(SiteError) {
    do throws(SiteError) {
      try await site(new).appliance(of: to).handOverJournal(to.stream)
    } catch {
      // It may never have had it. If it has, the other one does not get it.
      context.logger.warning(
        "journal not handed back",
        metadata: ["vm": "\(to.name)", "reason": "\(error.message)"]
      )
    }
    try await take(from, in: old, inventory)
  }

  private func take(
    _ vm: VPGDefinition.ProtectedVM,
    in definition: VPGDefinition,
    _ inventory: Inventory
  ) async throws(SiteError) {
    let site = site(definition)
    try await site.appliance(of: vm)
      .takeOverJournal(vm.stream, site.journalRequest(for: vm, inventory))
  }

  private func site(_ definition: VPGDefinition) -> RecoverySite {
    RecoverySite(context: context, definition: definition)
  }

  /// A journal that somebody reads cannot be ended, nor handed over.
  private func refuseWhileRead() async throws(SiteError) {
    let readers = JournalReaders(site: site(old))
    try await readers.refuse(leaving) { vm in
      "The VM \(vm.name) cannot leave the VPG \(old.name): a point of its journal"
    }
    try await readers.refuse(moving.map(\.from)) { vm in
      "The VM \(vm.name) cannot be given another recovery host: a point of its journal"
    }
  }

  /// Nobody would ever find the replica of a VM that no VPG has any more.
  private func endLeaving() async {
    for vm in leaving {
      do throws(SiteError) {
        try await half.endJournal(of: vm, in: old, keepsReplica: false)
      } catch {
        await context.events.record(
          .updateVPG,
          "The journal of the VM \(vm.name), which left the VPG \(old.name), was not deleted: "
            + error.message,
          succeeded: false,
          vpgs: [old.identifier]
        )
      }
    }
  }
}
