// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel

/// This site as its own peer: what a VPG's one half asks of the other where both are here.
struct LocalPeer: PeerControl {
  private let identifier: SiteIdentifier
  /// Weak, because the site holds its peers.
  private let service: @Sendable () -> (any PeerService)?

  init(_ site: Site) {
    identifier = site.siteIdentifier
    service = { [weak site] in site }
  }

  private func peer() throws(SiteError) -> any PeerService {
    guard let peer = service() else { throw .failed("The manager is stopping.") }
    return peer
  }

  func site() async throws(SiteError) -> SiteDescription {
    try await peer().describe(to: identifier)
  }

  func inventory() async throws(SiteError) -> Inventory {
    try await peer().inventory(for: identifier)
  }

  func state() async throws(SiteError) -> PeerState { try await peer().state(for: identifier) }

  func problems(with definition: VPGDefinition) async throws(SiteError) -> [String] {
    try await peer().problems(with: definition, from: identifier)
  }

  func prepare(_ definition: VPGDefinition) async throws(SiteError) -> PrepareReply {
    try await peer().prepare(definition, from: identifier)
  }

  func dropRefusal(of vpg: VPGIdentifier) async throws(SiteError) -> String? {
    try await peer().dropRefusal(of: vpg, for: identifier)
  }

  func drop(
    _ vpg: VPGIdentifier,
    keepsReplicas: Bool,
    force: Bool
  ) async throws(SiteError) {
    try await peer().drop(
      vpg,
      keepsReplicas: keepsReplicas,
      force: force,
      from: identifier
    )
  }

  func checkpoints(of vpg: VPGIdentifier) async throws(SiteError) -> [Checkpoint] {
    try await peer().checkpoints(of: vpg, for: identifier)
  }

  func changes(
    _ request: PointChangesRequest,
    in vpg: VPGIdentifier
  ) async throws(SiteError) -> ChangesReply {
    try await peer().changes(request, in: vpg, for: identifier)
  }

  func read(
    _ request: PointReadRequest,
    in vpg: VPGIdentifier
  ) async throws(SiteError) -> PointReadReply {
    try await peer().read(request, in: vpg, for: identifier)
  }

  func perform(
    _ request: OperationRequest,
    on vpg: VPGIdentifier
  ) async throws(SiteError) -> TaskIdentifier {
    try await peer().perform(request, on: vpg, from: identifier).task
  }

  func create(_ request: CreateRequest) async throws(SiteError) -> TaskIdentifier {
    try await peer().create(request, from: identifier).task
  }

  func source(
    _ request: SourceRequest,
    of vpg: VPGIdentifier
  ) async throws(SiteError) -> SourceReply {
    try await peer().source(request, of: vpg, from: identifier)
  }

  func keep(_ request: BlueprintRequest, in vpg: VPGIdentifier) async throws(SiteError) {
    try await peer().keep(request, in: vpg, from: identifier)
  }

  func history(_ request: HistoryRequest) async throws(SiteError) -> HistoryReply {
    try await peer().history(request, for: identifier)
  }

  func task(_ task: TaskIdentifier) async throws(SiteError) -> TaskRecord {
    try await peer().task(task, for: identifier)
  }

  func unpair() async throws(SiteError) { throw .invalid("A site is not paired with itself.") }
}
