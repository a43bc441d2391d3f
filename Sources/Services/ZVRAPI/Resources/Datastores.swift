// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// `/v1/datastores`: this site's datastores and what VPGs take on them.
enum Datastores: Resource {
  static let root = "datastores"
  static let interface = "IDatastoresService"

  static var routes: [Route] {
    [
      Route(.get, "datastores", "The datastores, and what VPGs take on them.") { call in
        let links = call.links()
        return .list(
          try await call.site.datastores().map { .datastoreUse($0, links) },
          of: "DatastoreApi"
        )
      },
      Route(.get, "datastores/{datastoreIdentifier}", "One datastore.") { call in
        let name = call.parameter("datastoreIdentifier")
        guard
          let view = try await call.site.datastores().first(where: {
            $0.datastore.identifier.rawValue == name
          })
        else { throw APIError.notFound("the site has no datastore \(name)") }
        return .value(.datastoreUse(view, call.links()))
      },
    ]
  }
}
