// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a site's hypervisor has, by names, as a person picks it in a list.
package struct SiteInventory: Sendable {
  private let client: ZVMClient
  private let site: String

  /// The inventory of the site of this identifier, as the manager of `client` knows it.
  package init(client: ZVMClient, site: String) {
    self.client = client
    self.site = site
  }

  /// The identifier of the site's VM of this name or identifier, whether or not a VPG has it.
  package func vm(_ name: String) async throws -> JSON {
    var machines = try await client.get("/virtualizationsites/\(site)/vms").elements
    // One that is in VPGs is listed once for each.
    for machine in try await client.get("/vms").elements
    where machine["ProtectedSite"]["identifier"].text == site
      && !machines.contains(where: { $0["VmIdentifier"] == machine["VmIdentifier"] })
    {
      machines.append(machine)
    }
    return try pick(machines, "vms", member: "VmName", name: name, identifier: "VmIdentifier")
  }

  // The identifiers of what has this name; without a name, of the only one there is.

  package func datastore(_ name: String?) async throws -> JSON {
    try await pick(
      "datastores",
      member: "DatastoreName",
      name: name,
      identifier: "DatastoreIdentifier"
    )
  }

  package func network(_ name: String?) async throws -> JSON {
    try await pick(
      "networks",
      member: "VirtualizationNetworkName",
      name: name,
      identifier: "NetworkIdentifier"
    )
  }

  package func host(_ name: String?) async throws -> JSON {
    try await pick(
      "hosts",
      member: "VirtualizationHostName",
      name: name,
      identifier: "HostIdentifier"
    )
  }

  package func folder(_ name: String?) async throws -> JSON {
    try await pick("folders", member: "FolderName", name: name, identifier: "FolderIdentifier")
  }

  private func pick(
    _ list: String,
    member: String,
    name: String?,
    identifier: String
  ) async throws -> JSON {
    let elements = try await client.get("/virtualizationsites/\(site)/\(list)").elements
    return try pick(elements, list, member: member, name: name, identifier: identifier)
  }

  private func pick(
    _ elements: [JSON],
    _ list: String,
    member: String,
    name: String?,
    identifier: String
  ) throws -> JSON {
    let found = elements.filter {
      name == nil || $0[member].text == name || $0[identifier].text == name
    }
    guard let only = found.first, found.count == 1 else {
      guard !elements.isEmpty else { throw ClientError("The site has no \(list).") }
      let names = elements.compactMap { $0[member].text }.joined(separator: ", ")
      let there = "The site has \(found.count) \(list)"
      guard let name else { throw ClientError("\(there): name one of \(names).") }
      throw ClientError("\(there) of the name “\(name)”, among \(names).")
    }
    return only[identifier]
  }
}
