// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import Hypervisor
package import RecoveryModel

/// The manager of a paired site, as this one calls it.
package protocol PeerControl: Sendable {
  func site() async throws(SiteError) -> SiteDescription
  func inventory() async throws(SiteError) -> Inventory
  func state() async throws(SiteError) -> PeerState
  /// What a definition newly names that the peer does not have, besides what its inventory says;
  /// each begins with the member's name.
  func problems(with definition: VPGDefinition) async throws(SiteError) -> [String]
  /// Makes the peer ready for the VPG's streams.
  func prepare(_ definition: VPGDefinition) async throws(SiteError) -> PrepareReply
  /// Why the peer would not end its half of a VPG now; nil if it would.
  func dropRefusal(of vpg: VPGIdentifier) async throws(SiteError) -> String?
  /// Ends the peer's half of a VPG; one that is gone already is fine.
  func drop(
    _ vpg: VPGIdentifier,
    keepsReplicas: Bool,
    force: Bool
  ) async throws(SiteError)
  /// Oldest first.
  func checkpoints(of vpg: VPGIdentifier) async throws(SiteError) -> [Checkpoint]
  /// What was written of a VM's disks between two points of its journal there.
  func changes(
    _ request: PointChangesRequest,
    in vpg: VPGIdentifier
  ) async throws(SiteError) -> ChangesReply
  /// Bytes of a disk as of a point of its journal there.
  func read(
    _ request: PointReadRequest,
    in vpg: VPGIdentifier
  ) async throws(SiteError) -> PointReadReply
  func perform(
    _ request: OperationRequest,
    on vpg: VPGIdentifier
  ) async throws(SiteError) -> TaskIdentifier
  func create(_ request: CreateRequest) async throws(SiteError) -> TaskIdentifier
  func source(
    _ request: SourceRequest,
    of vpg: VPGIdentifier
  ) async throws(SiteError) -> SourceReply
  /// Tells the peer what a VM is that it would recover.
  func keep(_ request: BlueprintRequest, in vpg: VPGIdentifier) async throws(SiteError)
  /// What was done and happened to the VPGs of both sites at the peer's.
  func history(_ request: HistoryRequest) async throws(SiteError) -> HistoryReply
  func task(_ task: TaskIdentifier) async throws(SiteError) -> TaskRecord
  /// Tells the peer that this site forgets it.
  func unpair() async throws(SiteError)
}
