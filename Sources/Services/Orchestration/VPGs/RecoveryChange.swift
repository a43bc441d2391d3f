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
/// VMs that left the VPG go.
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
      targets = try await half.keepJournals(new, inventory)
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

  /// Puts everything as it was before the change.
  ///
  /// What an appliance that does not answer still has is taken back with the next change or start.
  func takeBack() async {
    do throws(SiteError) {
      for vm in joining { try await half.endJournal(of: vm, in: new, keepsReplica: false) }
      let inventory: Inventory
      do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
      _ = try await half.keepJournals(old, inventory)
      try await context.vpgs.update(old.identifier) { $0.pending = nil }
    } catch {
      context.logger.error(
        "change of a VPG not taken back",
        metadata: ["vpg": "\(old.name)", "reason": "\(error.message)"]
      )
    }
  }

  /// A journal that somebody reads cannot be ended.
  private func refuseWhileRead() async throws(SiteError) {
    try await JournalReaders(site: RecoverySite(context: context, definition: old))
      .refuse(leaving) { vm in
        "The VM \(vm.name) cannot leave the VPG \(old.name): a point of its journal"
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
