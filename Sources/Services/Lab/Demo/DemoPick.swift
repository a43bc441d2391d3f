// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Picks things of a site by their names, as a person does in a list.
struct DemoPick: Sendable {
  let client: ZVMClient
  let site: String

  func vm(_ name: String) async throws -> JSON {
    try await pick("vms", name: "VmName", is: name, identifier: "VmIdentifier")
  }

  func datastore(_ name: String) async throws -> JSON {
    try await pick("datastores", name: "DatastoreName", is: name, identifier: "DatastoreIdentifier")
  }

  func network(_ name: String) async throws -> JSON {
    try await pick(
      "networks",
      name: "VirtualizationNetworkName",
      is: name,
      identifier: "NetworkIdentifier"
    )
  }

  /// The only host.
  func host() async throws -> JSON {
    try await pick("hosts", name: "VirtualizationHostName", is: nil, identifier: "HostIdentifier")
  }

  /// The only folder.
  func folder() async throws -> JSON {
    try await pick("folders", name: "FolderName", is: nil, identifier: "FolderIdentifier")
  }

  private func pick(
    _ list: String,
    name: String,
    is wanted: String?,
    identifier: String
  ) async throws -> JSON {
    let elements = try await client.get("/virtualizationsites/\(site)/\(list)").elements
    guard let element = elements.first(where: { wanted == nil || $0[name].text == wanted }) else {
      let names = elements.compactMap { $0[name].text }
      throw LabError("\(list) of \(site): expected \(wanted ?? "one"), got \(names)")
    }
    return element[identifier]
  }
}
