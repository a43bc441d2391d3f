// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import Hypervisor
package import RecoveryModel

/// What a site answers its peers: one method per entry of `PeerRoutes`.
///
/// The server passes the site that the caller's certificate names; ``SiteError/controlFailure`` is
/// what it answers on errors.
package protocol PeerService: Sendable {
  /// The only call that comes without a trusted certificate: its proof stands in for one.
  func acceptPairing(_ request: PairRequest) async throws(SiteError) -> PairReply
  func endPairing(from caller: SiteIdentifier) async throws(SiteError)
  func describe(to caller: SiteIdentifier) async throws(SiteError) -> SiteDescription
  func inventory(for caller: SiteIdentifier) async throws(SiteError) -> Inventory
  func state(for caller: SiteIdentifier) async throws(SiteError) -> PeerState
  func problems(
    with definition: VPGDefinition,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> [String]
  func prepare(
    _ definition: VPGDefinition,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> PrepareReply
  func dropRefusal(
    of vpg: VPGIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> String?
  func drop(
    _ vpg: VPGIdentifier,
    keepsReplicas: Bool,
    force: Bool,
    from caller: SiteIdentifier
  ) async throws(SiteError)
  func checkpoints(
    of vpg: VPGIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> [Checkpoint]
  func changes(
    _ request: PointChangesRequest,
    in vpg: VPGIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> ChangesReply
  func read(
    _ request: PointReadRequest,
    in vpg: VPGIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> PointReadReply
  func perform(
    _ request: OperationRequest,
    on vpg: VPGIdentifier,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> TaskReply
  func create(
    _ request: CreateRequest,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> TaskReply
  func source(
    _ request: SourceRequest,
    of vpg: VPGIdentifier,
    from caller: SiteIdentifier
  ) async throws(SiteError) -> SourceReply
  func keep(
    _ request: BlueprintRequest,
    in vpg: VPGIdentifier,
    from caller: SiteIdentifier
  ) async throws(SiteError)
  func history(
    _ request: HistoryRequest,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> HistoryReply
  func task(
    _ task: TaskIdentifier,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> TaskRecord
}
