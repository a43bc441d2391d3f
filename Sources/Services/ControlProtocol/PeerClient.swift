// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import Identity
package import RecoveryModel

/// A manager's view of the manager of a paired site: a method for each route.
package struct PeerClient: Sendable {
  /// Preparing replicas or shutting guests down takes longer than a question.
  private static let longTimeout = Duration.seconds(60)
  /// What a manager knows it answers at once; one that does not in this time is away.
  private static let stateTimeout = Duration.seconds(5)

  private let client: ControlClient

  package init(
    host: String,
    port: Int,
    site: SiteIdentifier,
    identity: TLSIdentity,
    trust: TrustStore
  ) {
    client = ControlClient(
      host: host,
      port: port,
      role: .manager,
      site: site,
      identity: identity,
      trust: trust
    )
  }

  /// The peer as it presents itself.
  package func site() async throws(ControlError) -> SiteDescription {
    try await client.send(.get, PeerRoutes.site)
  }

  /// What can be picked from at the peer.
  package func inventory() async throws(ControlError) -> Inventory {
    try await client.send(.get, PeerRoutes.inventory, timeout: Self.longTimeout)
  }

  /// What the peer knows about the VPGs of both sites.
  package func state() async throws(ControlError) -> PeerState {
    try await client.send(.get, PeerRoutes.state, timeout: Self.stateTimeout)
  }

  /// Tells the peer that this site is no longer paired with it.
  package func unpair() async throws(ControlError) {
    try await client.perform(.delete, PeerRoutes.pairing)
  }

  /// Makes the peer ready to receive a VPG, or gives it a newer definition.
  package func prepare(
    _ definition: VPGDefinition
  ) async throws(ControlError) -> PrepareReply {
    try await client.send(
      .put,
      PeerRoutes.vpg(definition.identifier),
      body: definition,
      timeout: Self.longTimeout
    )
  }

  /// Ends a VPG at the peer.
  package func endVPG(
    _ vpg: VPGIdentifier,
    keepingReplicas: Bool,
    force: Bool
  ) async throws(ControlError) {
    try await client.perform(
      .delete,
      PeerRoutes.vpg(vpg),
      query: ["keepReplicas": "\(keepingReplicas)", "force": "\(force)"],
      timeout: Self.longTimeout
    )
  }

  /// What a definition names that the peer does not have.
  package func problems(
    with definition: VPGDefinition
  ) async throws(ControlError) -> [String] {
    try await client.send(.post, PeerRoutes.problems(definition.identifier), body: definition)
  }

  /// Why the peer would not end its half of a VPG now.
  package func dropRefusal(of vpg: VPGIdentifier) async throws(ControlError) -> DropRefusal {
    try await client.send(.get, PeerRoutes.dropRefusal(vpg))
  }

  /// The checkpoints of a VPG, oldest first.
  package func checkpoints(
    of vpg: VPGIdentifier
  ) async throws(ControlError) -> [Checkpoint] {
    try await client.send(.get, PeerRoutes.checkpoints(vpg))
  }

  /// What was written of a VM between two points.
  package func changes(
    _ request: PointChangesRequest,
    in vpg: VPGIdentifier
  ) async throws(ControlError) -> ChangesReply {
    try await client.send(
      .post,
      PeerRoutes.changes(vpg),
      body: request,
      timeout: Self.longTimeout
    )
  }

  /// Bytes of a disk as of a point.
  package func read(
    _ request: PointReadRequest,
    in vpg: VPGIdentifier
  ) async throws(ControlError) -> PointReadReply {
    try await client.send(
      .post,
      PeerRoutes.pointData(vpg),
      body: request,
      timeout: Self.longTimeout
    )
  }

  /// Begins an operation at the peer.
  package func operate(
    on vpg: VPGIdentifier,
    _ request: OperationRequest
  ) async throws(ControlError) -> TaskReply {
    try await client.send(.post, PeerRoutes.operations(vpg), body: request)
  }

  /// Asks the protected site to stand its VMs down, or up again.
  ///
  /// Waits for as long as the request gives the guests, and a minute more.
  package func source(
    of vpg: VPGIdentifier,
    _ request: SourceRequest
  ) async throws(ControlError) -> SourceReply {
    try await client.send(
      .post,
      PeerRoutes.source(vpg),
      body: request,
      timeout: Self.longTimeout + .seconds(max(0, request.timeoutInSeconds))
    )
  }

  /// Tells the peer what a VM is that it would recover.
  package func keep(
    _ request: BlueprintRequest,
    in vpg: VPGIdentifier
  ) async throws(ControlError) {
    try await client.perform(.put, PeerRoutes.blueprints(vpg), body: request)
  }

  /// Begins to create a VPG that the peer is to protect.
  package func create(_ request: CreateRequest) async throws(ControlError) -> TaskReply {
    try await client.send(.post, PeerRoutes.vpgs, body: request)
  }

  /// What was done and happened to the VPGs of both sites at the peer's.
  package func history(_ request: HistoryRequest) async throws(ControlError) -> HistoryReply {
    try await client.send(.post, PeerRoutes.history, body: request)
  }

  /// A task of the peer's.
  package func task(_ task: TaskIdentifier) async throws(ControlError) -> TaskRecord {
    try await client.send(.get, PeerRoutes.task(task))
  }
}
