// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

// What a recovery is refused for before anything is done.

extension RecoveryOperations {
  /// A VM that is being restored at the protected site has its disks in use there.
  ///
  /// That site refuses it too, but only once this one has begun.
  func refuseIfRestoring(_ definition: VPGDefinition) async throws(SiteError) {
    let (site, vpg) = (definition.protectedSite, definition.identifier)
    func isRestoring() async -> Bool {
      guard await context.peers.isConnected(site) else { return false }
      return await context.peers.share(of: vpg, at: site)?.isRestoring == true
    }
    guard await isRestoring() else { return }
    // It may have ended since that was said.
    if let peer = try? await context.peers.client(for: site) {
      let asked = ContinuousClock.now
      if let state = try? await peer.state() {
        await context.peers.note(state, from: site, asked: asked)
      }
    }
    guard await isRestoring() else { return }
    throw .conflict(
      "A VM of the VPG \(definition.name) is being restored at the protected site; commit that or "
        + "roll it back first."
    )
  }

  /// Refuses to put VMs into a VPG of their own while something is under way that is about all.
  func refuseParting(_ record: VPGRecord) async throws(SiteError) {
    let (vpg, name) = (record.definition.identifier, record.definition.name)
    func conflict(_ what: String) -> SiteError {
      .conflict("\(what), so all VMs of the VPG \(name) fail over together or none does.")
    }
    if record.pending != nil { throw conflict("A change of the VPG is under way") }
    if await clones.isActive(vpg) { throw conflict("A clone is being made") }
    if await searches.isActive(vpg) { throw conflict("The last good point is being searched for") }
    if await retentions.isActive(vpg) { throw conflict("A copy to a repository is being made") }
    let relocating = await relocations.active().flatMap(\.workflow.parts)
    if relocating.contains(where: { $0.vpg == vpg && !$0.isOver }) {
      throw conflict("VMs are being given another recovery host")
    }
    let share = await context.peers.share(of: vpg, at: record.definition.protectedSite)
    if let share, share.isRestoring == nil {
      throw conflict("The protected site runs an older release, which knows VPGs as a whole only")
    }
  }
}
