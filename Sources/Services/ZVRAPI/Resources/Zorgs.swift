// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/zorgs`: the organisations VPGs belong to.
enum Zorgs: Resource {
  static let root = "zorgs"
  static let interface = "IZorgsService"

  /// What VPGs that belong to nobody link to; it is in no listing.
  private static let none = Organisation(identifier: Links.noOne, name: "")

  static var routes: [Route] {
    [
      Route(.get, "zorgs", "The organisations.") { call in
        let links = call.links()
        return .list(
          try await call.site.organisations().map { .zorg($0, links) },
          of: "ZorgApi"
        )
      },
      Route(.get, "zorgs/{zorgIdentifier}", "One organisation.") { call in
        let name = call.parameter("zorgIdentifier")
        let known = try await call.site.organisations() + [none]
        guard let zorg = known.first(where: { $0.identifier.isSame(as: name) }) else {
          throw APIError.notFound("there is no organisation \(name)")
        }
        return .value(.zorg(zorg, call.links()))
      },
    ]
  }
}
