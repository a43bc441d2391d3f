// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// How a route keeps a session that is confined to an organisation from all that is not the
/// organisation's.
///
/// A route that says nothing refuses such sessions, so that none is open to them by oversight.
enum Confinement: Sendable, Equatable {
  /// It is not for them.
  case refused
  /// It shows nothing of anybody: numbers and their names.
  case harmless
  /// It is about the VPG in its path, and only that.
  case byVPG
  /// Its answer asks ``APICall/sees(_:)`` about each thing.
  case byAnswer
}

extension [Route] {
  /// The same routes for confined sessions too.
  func confined(_ confinement: Confinement) -> [Route] {
    map { route in
      var route = route
      route.confinement = confinement
      return route
    }
  }
}

extension APICall {
  /// The organisation the session is confined to; nil sees everything.
  var organisation: String? { session?.portal?.organisation }

  /// Whether the session may know of a VPG.
  func sees(_ vpg: VPGDefinition) -> Bool { Self.sees(vpg, organisation) }

  /// The VPGs the session may know of; nil is all.
  func visibleVPGs() async throws -> Set<VPGIdentifier>? {
    guard let organisation else { return nil }
    let views = try await site.vpgs { Self.sees($0, organisation) }
    return Set(views.map(\.definition.identifier))
  }

  /// Whether something that is about some VPGs may be known: it is about none of anybody else's,
  /// and not about the site.
  static func sees(_ vpgs: [VPGIdentifier], _ visible: Set<VPGIdentifier>?) -> Bool {
    guard let visible else { return true }
    return !vpgs.isEmpty && vpgs.allSatisfy(visible.contains)
  }

  private static func sees(_ vpg: VPGDefinition, _ organisation: String?) -> Bool {
    guard let organisation else { return true }
    return vpg.policy.zorg?.isSame(as: organisation) ?? false
  }

  /// Lets a confined session go no further than its route allows.
  ///
  /// - Throws: 401 if the organisation is gone, 403 if the route is not for such sessions, 404 if
  ///   the VPG is somebody else's, in the words for one that is not there.
  func checkConfinement(_ confinement: Confinement) async throws {
    guard let organisation else { return }
    let organisations = try await site.organisations()
    guard organisations.contains(where: { $0.identifier.isSame(as: organisation) }) else {
      throw APIError.unauthorized
    }
    switch confinement {
    case .harmless, .byAnswer: return
    case .byVPG:
      let views = try await site.vpgs { $0.identifier == vpg && sees($0) }
      guard !views.isEmpty else { throw SiteError.notFound("There is no VPG \(vpg).") }
    case .refused:
      throw APIError(status: 403, message: "this is not for sessions of a self-service portal")
    }
  }
}
