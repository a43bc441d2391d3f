// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel

/// A paired manager behind its peer port.
struct RemotePeer: PeerControl {
  let client: PeerClient

  func site() async throws(SiteError) -> SiteDescription {
    do { return try await client.site() } catch { throw SiteError(error) }
  }

  func inventory() async throws(SiteError) -> Inventory {
    do { return try await client.inventory() } catch { throw SiteError(error) }
  }

  func state() async throws(SiteError) -> PeerState {
    do { return try await client.state() } catch { throw SiteError(error) }
  }

  func problems(with definition: VPGDefinition) async throws(SiteError) -> [String] {
    do { return try await client.problems(with: definition) } catch {
      // An older release does not know the question, and finds them out when it prepares.
      if case .refused(let failure) = error, failure.status == 404 { return [] }
      throw SiteError(error)
    }
  }

  func prepare(_ definition: VPGDefinition) async throws(SiteError) -> PrepareReply {
    do { return try await client.prepare(definition) } catch { throw SiteError(error) }
  }

  func dropRefusal(of vpg: VPGIdentifier) async throws(SiteError) -> String? {
    do { return try await client.dropRefusal(of: vpg).reason } catch {
      // An older release does not know the question, and refuses when it is to end it.
      if case .refused(let failure) = error, failure.status == 404 { return nil }
      throw SiteError(error)
    }
  }

  func drop(
    _ vpg: VPGIdentifier,
    keepsReplicas: Bool,
    force: Bool
  ) async throws(SiteError) {
    do { try await client.endVPG(vpg, keepingReplicas: keepsReplicas, force: force) } catch {
      try SiteError.unlessGone(error)
    }
  }

  func checkpoints(of vpg: VPGIdentifier) async throws(SiteError) -> [Checkpoint] {
    do { return try await client.checkpoints(of: vpg) } catch { throw SiteError(error) }
  }

  func changes(
    _ request: PointChangesRequest,
    in vpg: VPGIdentifier
  ) async throws(SiteError) -> ChangesReply {
    do { return try await client.changes(request, in: vpg) } catch { throw SiteError(error) }
  }

  func read(
    _ request: PointReadRequest,
    in vpg: VPGIdentifier
  ) async throws(SiteError) -> PointReadReply {
    do { return try await client.read(request, in: vpg) } catch { throw SiteError(error) }
  }

  func perform(
    _ request: OperationRequest,
    on vpg: VPGIdentifier
  ) async throws(SiteError) -> TaskIdentifier {
    do { return try await client.operate(on: vpg, request).task } catch { throw SiteError(error) }
  }

  func create(_ request: CreateRequest) async throws(SiteError) -> TaskIdentifier {
    do { return try await client.create(request).task } catch { throw SiteError(error) }
  }

  func source(
    _ request: SourceRequest,
    of vpg: VPGIdentifier
  ) async throws(SiteError) -> SourceReply {
    do { return try await client.source(of: vpg, request) } catch { throw SiteError(error) }
  }

  func keep(_ request: BlueprintRequest, in vpg: VPGIdentifier) async throws(SiteError) {
    do { try await client.keep(request, in: vpg) } catch { throw SiteError(error) }
  }

  func history(_ request: HistoryRequest) async throws(SiteError) -> HistoryReply {
    do { return try await client.history(request) } catch { throw SiteError(error) }
  }

  func task(_ task: TaskIdentifier) async throws(SiteError) -> TaskRecord {
    do { return try await client.task(task) } catch { throw SiteError(error) }
  }

  func unpair() async throws(SiteError) {
    do { try await client.unpair() } catch { throw SiteError(error) }
  }
}
