// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RESTClient

/// The VMs of a VPG.
struct VPGMembers {
  private let vms: [JSON]

  init(of vpg: JSON, _ client: ZVMClient) async throws {
    let identifier = vpg["VpgIdentifier"].text
    vms = try await client.get("/vms").elements.filter { $0["VpgIdentifier"].text == identifier }
  }

  /// The identifier of the VM with this name, or of the only one there is.
  func identifier(ofOnly vm: String?) throws -> String {
    if let vm { return try identifier(of: vm) }
    guard let only = vms.first?["VmIdentifier"].text, vms.count == 1 else {
      let names = vms.compactMap { $0["VmName"].text }.joined(separator: ", ")
      throw UsageError("The VPG has several VMs: say with --vm which (\(names)).")
    }
    return only
  }

  /// The identifier of the VM with this name or identifier.
  func identifier(of vm: String) throws -> String {
    let found = vms.filter { $0["VmName"].text == vm || $0["VmIdentifier"].text == vm }
    guard let only = found.first?["VmIdentifier"].text else {
      let names = vms.compactMap { $0["VmName"].text }.joined(separator: ", ")
      throw UsageError("The VPG has no VM “\(vm)” (\(names.isEmpty ? "it has none" : names)).")
    }
    guard found.count == 1 else {
      let names = found.compactMap { $0["VmIdentifier"].text }.joined(separator: ", ")
      throw UsageError("The VPG has several VMs “\(vm)”: name one by its identifier (\(names)).")
    }
    return only
  }
}
