// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// Installing, changing and removing appliances: part of `/v1/vras`.
///
/// An appliance is a service of its host: it is installed and started there, with the host's own
/// tools. These calls put it into service and take it out.
enum VraChanges {
  private static let vra = "vras/{vraIdentifier}"
  private static let cluster = "vras/clusters/{clusterIdentifier}"

  static var routes: [Route] { appliances + upgrades + clusters }

  private static var appliances: [Route] {
    [
      Route(
        .post,
        "vras",
        "Puts the appliance that runs on a host into service. Answers a task.",
        body: #"{"HostIdentifier": "…", "MemoryInGb": 3, "NumOfCpus": 1, "#
          + #""VraNetworkDataApi": {"VraIPConfigurationTypeApi": "Dhcp"}}"#,
        answer: install
      ),
      Route(
        .put,
        vra,
        "Puts an appliance into another group. Answers a task.",
        body: #"{"GroupName": "default_group"}"#,
        answer: change
      ),
      Route(.delete, vra, "Takes an unused appliance out of service. Answers a task.") { call in
        let appliance = try await Vras.applianceInPath(call)
        return .text(
          try await call.site.removeAppliance(appliance.identifier, user: call.user).rawValue
        )
      },
      Route(
        .delete,
        "vras/cleanup",
        "Removes the appliances that were installed by cluster: there are none."
      ) { _ in .value(.texts([])) },
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
    var notes = try sizeNotes(body)
    if try body.flag("PopulatePostInstallation") == true {
      notes.append("No VMs were moved to it: changerecoveryvra does that.")
    }
    return .text(
      try await call.site.installAppliance(
        on: host.identifier,
        address: try address(body),
        group: try group(body),
        notes: notes,
        user: call.user
      ).rawValue
    )
  }

  private static func change(_ call: APICall) async throws -> APIResponse {
    let appliance = try await Vras.applianceInPath(call)
    let notes = try sizeNotes(call.body)
    if let address = try address(call.body), address != appliance.address {
      throw APIError.notAvailable(
        "giving the appliance \(appliance.identifier) the address \(address)",
        "its address is that of its host: take it out of service, and put it in again with its new "
          + "address"
      )
    }
    return .text(
      try await call.site.changeAppliance(
        appliance.identifier,
        group: try group(call.body),
        notes: notes,
        user: call.user
      ).rawValue
    )
  }

  private static func group(_ body: APIObject) throws(APIError) -> String? {
    guard let name = try body.text("GroupName"), !name.isEmpty else { return nil }
    guard name.count <= 100 else { throw .invalid("GroupName is longer than 100 characters") }
    return name
  }

  /// What is to be said of sizes, which a virtual machine would have.
  private static func sizeNotes(_ body: APIObject) throws(APIError) -> [String] {
    var isAsked = false
    for (name, range) in [("MemoryInGb", 1...1024), ("NumOfCpus", 1...512)] {
      guard let number = try body.integer(name) else { continue }
      guard range.contains(number) else {
        throw .invalid("\(name) must be from \(range.lowerBound) to \(range.upperBound)")
      }
      isAsked = true
    }
    return isAsked
      ? [
        "MemoryInGb and NumOfCpus change nothing: an appliance takes of its host's memory and "
          + "processors what it needs, and its buffers' size is in its configuration file."
      ] : []
  }

  /// The address that is asked for; nil leaves it to the host's name.
  private static func address(_ body: APIObject) throws(APIError) -> String? {
    let network = body.object("VraNetworkDataApi")
    let kind = try network.number(
      "VraIPConfigurationTypeApi",
      of: APIEnumerations.vraIPConfigurationType
    )
    let address = try network.text("VraIPAddress") ?? ""
    if kind == 1, address.isEmpty {
      throw .invalid("VraNetworkDataApi.VraIPAddress is missing")
    }
    return kind == 0 || address.isEmpty ? nil : address
  }

  // MARK: Upgrades

  private static var upgrades: [Route] {
    [
      Route(
        .post,
        "\(vra)/upgrade",
        "Has an appliance run the program that is installed on its host. Answers a task."
      ) { call in
        try await upgrade([try await Vras.applianceInPath(call)], call)
      },
      Route(
        .post,
        "vras/upgrade",
        "The same for several, one after the other.",
        body: #"{"VraIdentifiers": ["1"]}"#
      ) { call in
        let names = try call.body.texts("VraIdentifiers")
        guard !names.isEmpty else { throw APIError.invalid("VraIdentifiers is missing") }
        var appliances: [ApplianceView] = []
        for name in names { appliances.append(try await Vras.appliance(name, call)) }
        return try await upgrade(appliances, call)
      },
    ]
  }

  private static func upgrade(
    _ appliances: [ApplianceView],
    _ call: APICall
  ) async throws -> APIResponse {
    .text(
      try await call.site.upgradeAppliances(
        appliances.map(\.identifier),
        user: call.user
      ).rawValue
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
