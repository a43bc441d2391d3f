// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/vras`: the appliances of this site.
enum Vras: Resource {
  static let root = "vras"
  static let interface = "IVraService"

  static var routes: [Route] {
    [
      Route(.get, "vras", "The appliances.", answer: list),
      Route(.get, "vras/statuses", "The statuses of appliances, by number.") { _ in
        .value(APIEnumerations.vraStatus.listing)
      },
      Route(.get, "vras/ipconfigurationtypes", "How appliances get addresses.") { _ in
        .value(APIEnumerations.vraIPConfigurationType.listing)
      },
      Route(.get, "vras/{vraIdentifier}", "One appliance.") { call in
        .value(.vra(try await applianceInPath(call), call.links()))
      },
    ] + VraChanges.routes + RecoveryVraChanges.routes
  }

  static func applianceInPath(_ call: APICall) async throws -> ApplianceView {
    try await appliance(call.parameter("vraIdentifier"), call)
  }

  /// The appliance with that number or name.
  static func appliance(_ name: String, _ call: APICall) async throws -> ApplianceView {
    guard
      let appliance = try await call.site.appliances().first(where: {
        String($0.number) == name || $0.identifier.rawValue == name
      })
    else { throw APIError.notFound("there is no appliance \(name)") }
    return appliance
  }

  /// Whether an appliance is meant by a name: its own, or the one that clients make of its host's.
  private static func hasName(_ appliance: ApplianceView, _ name: String?) -> Bool {
    guard let name else { return true }
    return name.isSame(as: appliance.identifier.rawValue)
      || name.isSame(as: "Z-VRA-\(appliance.hostName)")
  }

  private static func list(_ call: APICall) async throws -> APIResponse {
    let query = call.query
    let status = try query.number("status", of: APIEnumerations.vraStatus)
    let addressing = try query.number(
      "vraIpConfigurationTypeApi",
      of: APIEnumerations.vraIPConfigurationType
    )
    /// An appliance is a process on its host: it has no disks and networks to filter by.
    let hasNoSuch = ["datastoreName", "datastoreClusterName", "networkName"]
      .contains { query.text($0) != nil }
    let appliances = try await call.site.appliances().filter { appliance in
      !hasNoSuch && status ?? 0 == 0 && addressing ?? 1 == 1
        && hasName(appliance, query.text("vraName"))
        && query.matches("vraVersion", appliance.version)
        && query.matches("hostVersion", appliance.hostVersion)
        && query.matches("ipAddress", appliance.address)
        && query.matches("vraGroup", appliance.group)
    }
    let links = call.links()
    return .list(appliances.map { .vra($0, links) }, of: "VraApi")
  }
}
