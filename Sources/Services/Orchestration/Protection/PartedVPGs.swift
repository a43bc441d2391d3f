// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Store

/// The protected site's side of a failover that left VMs out: it takes over the VPGs that the
/// recovery site made of one.
///
/// Taps and streams go on as they are: only the VPG they belong to is another one.
struct PartedVPGs: Sendable {
  let context: SiteContext
  let keeper: ProtectionKeeper
  let restores: VMRestores

  /// Follows a newer definition of a VPG, of which VMs went into some of `others`.
  ///
  /// - Returns: Whether it is so now; nil if no VMs went into another VPG.
  func follow(
    _ newer: VPGDefinition,
    among others: [VPGDefinition]
  ) async throws(SiteError) -> Bool? {
    let vpg = newer.identifier
    guard let record = await context.vpgs.record(vpg), isOlder(record, than: newer),
      !record.definition.remainders(of: newer, among: others).isEmpty
    else { return nil }
    do throws(SiteError) { try await context.vpgs.beginChange(of: vpg) } catch { return false }
    do throws(SiteError) {
      let isDone = try await followAlone(newer, others)
      await context.vpgs.endChange(of: vpg)
      return isDone
    } catch {
      await context.vpgs.endChange(of: vpg)
      throw error
    }
  }

  private func followAlone(
    _ newer: VPGDefinition,
    _ others: [VPGDefinition]
  ) async throws(SiteError) -> Bool {
    // As it is now that nobody else changes it.
    guard let record = await context.vpgs.record(newer.identifier) else { return false }
    guard isOlder(record, than: newer) else { return true }
    // A restore finds its VM's journal by the VPG.
    guard record.phase != .deleting, await !restores.isUnderWay(in: newer.identifier) else {
      return false
    }
    let left = record.definition.remainders(of: newer, among: others)
    try await context.vpgs.part(newer.identifier, newer, left)
    await context.peers.part(left, from: newer, at: newer.recoverySite)
    await keeper.nudge()
    return true
  }

  private func isOlder(_ record: VPGRecord, than newer: VPGDefinition) -> Bool {
    record.definition.generation < newer.generation && record.phase != .recovered
      && record.definition.protectedSite == context.site
      && record.definition.protectedSite == newer.protectedSite
      && record.definition.recoverySite == newer.recoverySite
  }

  /// Makes sure that what the recovery site asks of a VPG is asked of the VMs it means.
  func follow(_ definitions: [VPGDefinition]?, of record: VPGRecord) async throws(SiteError) {
    guard let newer = definitions?.first, newer.identifier == record.definition.identifier,
      isOlder(record, than: newer)
    else { return }
    let gone = Set(record.definition.streams).subtracting(newer.streams)
    guard !gone.isEmpty else { return }
    let found = Set(definitions?.dropFirst().flatMap(\.streams) ?? [])
    guard gone.isSubset(of: found), try await follow(newer, among: definitions ?? []) != false
    else {
      throw .conflict(
        "VMs of the VPG \(newer.name) are in other VPGs by now, and this site cannot follow at the "
          + "moment; try again."
      )
    }
  }
}
