// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel
import Store
import Synchronization

/// The sites of a test, by host name and identifier; they call each other without a network.
final class Switchboard: Sendable {
  /// What becomes of a question.
  enum Loss { case request, reply }

  private struct State {
    var sites: [String: Site] = [:]
    var isCut = false
    var losses: [SourceRequest.Wish: Loss] = [:]
    /// By the generation of the definition.
    var preparationLosses: [Int: Loss] = [:]
    /// How often each site asked for a state, whose answers are held, and who waits for one.
    var lookCounts: [SiteIdentifier: Int] = [:]
    var held: [SiteIdentifier: Gate] = [:]
    var waiting: Set<SiteIdentifier> = []
  }

  private let state = Mutex(State())

  func add(_ site: Site, _ name: String) {
    state.withLock {
      $0.sites[name] = site
      $0.sites[site.context.site.rawValue] = site
    }
  }

  /// Lets go of the sites, which hold this one, so that their stores are closed.
  func forgetSites() { state.withLock { $0.sites = [:] } }

  func setCut(_ isCut: Bool) { state.withLock { $0.isCut = isCut } }

  /// Has the next question of a kind be lost, or the answer to it.
  func lose(_ loss: Loss, of wish: SourceRequest.Wish) { state.withLock { $0.losses[wish] = loss } }

  func takeLoss(of wish: SourceRequest.Wish) -> Loss? {
    state.withLock { $0.losses.removeValue(forKey: wish) }
  }

  /// Has the next preparation for a definition be lost, or the answer to it.
  func lose(_ loss: Loss, ofGeneration generation: Int) {
    state.withLock { $0.preparationLosses[generation] = loss }
  }

  func takeLoss(ofGeneration generation: Int) -> Loss? {
    state.withLock { $0.preparationLosses.removeValue(forKey: generation) }
  }

  /// It is open once its stream has ended.
  typealias Gate = (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)

  /// Keeps the answer to a site's next look back, or no longer: what it gets then is old.
  func setHeld(_ isHeld: Bool, for caller: SiteIdentifier) {
    state.withLock {
      $0.held.removeValue(forKey: caller)?.continuation.finish()
      if isHeld { $0.held[caller] = AsyncStream.makeStream() }
    }
  }

  func awaitRelease(of caller: SiteIdentifier) async {
    let gate = state.withLock { state -> Gate? in
      if state.held[caller] != nil { state.waiting.insert(caller) }
      return state.held[caller]
    }
    guard let gate else { return }
    for await _ in gate.stream {}
    state.withLock { _ = $0.waiting.remove(caller) }
  }

  /// Whether an answer is held back that the site has asked for.
  func isWaiting(_ caller: SiteIdentifier) -> Bool {
    state.withLock { $0.waiting.contains(caller) }
  }

  func noteLook(by caller: SiteIdentifier) {
    state.withLock { $0.lookCounts[caller, default: 0] += 1 }
  }

  func lookCount(of caller: SiteIdentifier) -> Int {
    state.withLock { $0.lookCounts[caller] ?? 0 }
  }

  func site(_ name: String) throws(SiteError) -> Site {
    let found = state.withLock { $0.isCut ? nil : $0.sites[name] }
    guard let found else { throw .unreachable("\(name) does not answer") }
    return found
  }
}

struct DirectConnections: SiteConnections {
  let switchboard: Switchboard
  let site: SiteIdentifier
  let vra: FakeAppliance
  /// Appliances of the site's other hosts, by host.
  var others: [String: FakeAppliance] = [:]

  func appliance(_ appliance: SiteSettings.Appliance) -> any ApplianceControl {
    appliance.hostName.flatMap { others[$0] } ?? vra
  }

  func peer(_ peer: PeerRecord) -> any PeerControl {
    DirectPeer(switchboard: switchboard, callee: peer.site, caller: site)
  }

  func pair(
    host: String,
    port: Int,
    _ request: PairRequest,
    secret: [UInt8]
  ) async throws(SiteError) -> PairReply {
    guard port == 9081 else { throw .unreachable("\(host) has nobody at \(port)") }
    let reply = try await switchboard.site(host).acceptPairing(request)
    guard reply.isProven(by: secret, for: request) else { throw .failed("not proven") }
    return reply
  }

  func setTrust(_ authorities: [SiteIdentifier: String]) {}
}

struct DirectPeer: PeerControl {
  let switchboard: Switchboard
  let callee: SiteIdentifier
  let caller: SiteIdentifier

  private func peer() throws(SiteError) -> Site { try switchboard.site(callee.rawValue) }

  func site() async throws(SiteError) -> SiteDescription { try await peer().describe(to: caller) }
  func inventory() async throws(SiteError) -> Inventory {
    try await peer().inventory(for: caller)
  }
  func state() async throws(SiteError) -> PeerState {
    let state = try await peer().state(for: caller)
    switchboard.noteLook(by: caller)
    await switchboard.awaitRelease(of: caller)
    return state
  }
  func problems(with definition: VPGDefinition) async throws(SiteError) -> [String] {
    try await peer().problems(with: definition, from: caller)
  }
  func prepare(_ definition: VPGDefinition) async throws(SiteError) -> PrepareReply {
    let loss = switchboard.takeLoss(ofGeneration: definition.generation)
    if loss == .request { throw .unreachable("the request was lost") }
    let reply = try await peer().prepare(definition, from: caller)
    if loss == .reply { throw .unreachable("the reply was lost") }
    return reply
  }
  func dropRefusal(of vpg: VPGIdentifier) async throws(SiteError) -> String? {
    try await peer().dropRefusal(of: vpg, for: caller)
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
      from: caller
    )
  }
  func checkpoints(of vpg: VPGIdentifier) async throws(SiteError) -> [Checkpoint] {
    try await peer().checkpoints(of: vpg, for: caller)
  }
  func changes(
    _ request: PointChangesRequest,
    in vpg: VPGIdentifier
  ) async throws(SiteError) -> ChangesReply {
    try await peer().changes(request, in: vpg, for: caller)
  }
  func read(
    _ request: PointReadRequest,
    in vpg: VPGIdentifier
  ) async throws(SiteError) -> PointReadReply {
    try await peer().read(request, in: vpg, for: caller)
  }
  func perform(
    _ request: OperationRequest,
    on vpg: VPGIdentifier
  ) async throws(SiteError) -> TaskIdentifier {
    try await peer().perform(request, on: vpg, from: caller).task
  }
  func create(_ request: CreateRequest) async throws(SiteError) -> TaskIdentifier {
    try await peer().create(request, from: caller).task
  }
  func source(
    _ request: SourceRequest,
    of vpg: VPGIdentifier
  ) async throws(SiteError) -> SourceReply {
    let loss = switchboard.takeLoss(of: request.wish)
    if loss == .request { throw .unreachable("the request was lost") }
    let reply = try await peer().source(request, of: vpg, from: caller)
    if loss == .reply { throw .unreachable("the reply was lost") }
    return reply
  }
  func keep(_ request: BlueprintRequest, in vpg: VPGIdentifier) async throws(SiteError) {
    try await peer().keep(request, in: vpg, from: caller)
  }
  func history(_ request: HistoryRequest) async throws(SiteError) -> HistoryReply {
    try await peer().history(request, for: caller)
  }
  func task(_ task: TaskIdentifier) async throws(SiteError) -> TaskRecord {
    try await peer().task(task, for: caller)
  }
  func unpair() async throws(SiteError) { try await peer().endPairing(from: caller) }
}
