// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// Installing, changing and removing appliances: part of `/v1/vras`.
///
/// An appliance is a service of its host: it is installed, changed and upgraded there, with the
/// host's own tools, and named in the manager's configuration.
enum VraChanges {
  private static let vra = "vras/{vraIdentifier}"
  private static let cluster = "vras/clusters/{clusterIdentifier}"

  static var routes: [Route] { appliances + upgrades + clusters }

  private static var appliances: [Route] {
    [
      Route(
        .post,
        "vras",
        "Would install an appliance; it is installed with the package, on the host itself.",
        body: #"{"HostIdentifier": "…", "MemoryInGb": 3, "NumOfCpus": 1, "#
          + #""VraNetworkDataApi": {"VraIPConfigurationTypeApi": "Dhcp"}}"#,
        answer: install
      ),
      Route(
        .put,
        vra,
        "Would change an appliance; that is done in its configuration file.",
        body: #"{"GroupName": "default_group"}"#
      ) { call in
        let appliance = try await Vras.applianceInPath(call)
        try checkSize(call.body)
        try checkNetwork(call.body)
        throw APIError.notAvailable(
          "changing the appliance \(appliance.identifier) from here",
          "its address, memory and processors are those of its host"
        )
      },
      Route(.delete, vra, "Would remove an appliance; that is done on its host.") { call in
        let appliance = try await Vras.applianceInPath(call)
        throw APIError.notAvailable(
          "removing the appliance \(appliance.identifier) from here",
          "it is removed on its host, and then from the manager's configuration file"
        )
      },
      Route(.delete, "vras/cleanup", "Removes appliances without a host: there are none.") { _ in
        .value(.texts([]))
      },
    ]
  }

  private static func install(_ call: APICall) async throws -> APIResponse {
    let body = call.body
    guard let name = try body.text("HostIdentifier"), !name.isEmpty else {
      throw APIError.invalid("HostIdentifier is missing")
    }
    let inventory = try await call.site.inventory(of: call.site.siteIdentifier)
    guard let host = inventory.hosts.first(where: { $0.identifier.rawValue == name }) else {
      throw APIError.notFound("the site has no host \(name)")
    }
    if let datastore = try body.text("DatastoreIdentifier"), !datastore.isEmpty,
      !inventory.datastores.contains(where: { $0.identifier.rawValue == datastore })
    {
      throw APIError.notFound("the site has no datastore \(datastore)")
    }
    if let network = try body.text("NetworkIdentifier"), !network.isEmpty,
      !inventory.networks.contains(where: { $0.identifier.rawValue == network })
    {
      throw APIError.notFound("the site has no network \(network)")
    }
    try checkSize(body)
    try checkNetwork(body)
    throw APIError.notAvailable(
      "installing an appliance from here",
      "it is installed with the package on the host \(host.name) itself, and then named in the "
        + "manager's configuration file"
    )
  }

  private static func checkSize(_ body: APIObject) throws(APIError) {
    for (name, range) in [("MemoryInGb", 1...1024), ("NumOfCpus", 1...512)] {
      if let number = try body.integer(name), !range.contains(number) {
        throw .invalid("\(name) must be from \(range.lowerBound) to \(range.upperBound)")
      }
    }
  }

  private static func checkNetwork(_ body: APIObject) throws(APIError) {
    let network = body.object("VraNetworkDataApi")
    let kind = try network.number(
      "VraIPConfigurationTypeApi",
      of: APIEnumerations.vraIPConfigurationType
    )
    if kind == 1, try network.text("VraIPAddress") ?? "" == "" {
      throw .invalid("VraNetworkDataApi.VraIPAddress is missing")
    }
  }

  // MARK: Upgrades

  private static var upgrades: [Route] {
    [
      Route(.post, "\(vra)/upgrade", "Would upgrade an appliance; that is done on its host.") {
        call in
        throw try await upgrade([try await Vras.applianceInPath(call)], call)
      },
      Route(
        .post,
        "vras/upgrade",
        "Would upgrade appliances; that is done on their hosts.",
        body: #"{"VraIdentifiers": ["1"]}"#
      ) { call in
        let names = try call.body.texts("VraIdentifiers")
        guard !names.isEmpty else { throw APIError.invalid("VraIdentifiers is missing") }
        var appliances: [ApplianceView] = []
        for name in names { appliances.append(try await Vras.appliance(name, call)) }
        throw try await upgrade(appliances, call)
      },
    ]
  }

  /// Why appliances are not upgraded from here.
  private static func upgrade(
    _ appliances: [ApplianceView],
    _ call: APICall
  ) async throws -> APIError {
    let version = await call.site.localSite().version
    let old = appliances.filter { $0.version != version }.map(\.identifier.rawValue)
    return .notAvailable(
      "upgrading appliances from here",
      old.isEmpty
        ? "they have the manager's version \(version) already"
        : "these are upgraded with the package on their hosts: " + old.joined(separator: ", ")
    )
  }

  // MARK: Clusters

  private static var clusters: [Route] {
    [
      Route(
        .post,
        "vras/clusters",
        "Installs appliances on a cluster: there are no clusters.",
        body: #"{"ClusterIdentifier": "…"}"#
      ) { call in
        guard let name = try call.body.text("ClusterIdentifier"), !name.isEmpty else {
          throw APIError.invalid("ClusterIdentifier is missing")
        }
        throw APIError.notFound("the site has no host cluster \(name)")
      },
      Route(.delete, cluster, "Removes a cluster's appliances.", answer: unknownCluster),
      Route(.post, cluster, "Upgrades a cluster's appliances.", answer: unknownCluster),
      Route(.put, cluster, "Upgrades a cluster's appliances.", answer: unknownCluster),
      Route(.get, "\(cluster)/settings", "A cluster's appliances.", answer: unknownCluster),
      Route(
        .post,
        "\(cluster)/settings",
        "Changes a cluster's appliances.",
        body: "{}",
        answer: unknownCluster
      ),
    ]
  }

  private static func unknownCluster(_ call: APICall) async throws -> APIResponse {
    throw APIError.notFound("the site has no host cluster \(call.parameter("clusterIdentifier"))")
  }
}
