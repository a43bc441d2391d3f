// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// `POST /v1/vpgs`: a VPG in one call, as clients of releases before 5.0 make it.
///
/// They name VMs and a datastore and leave everything else to the server: the host is the recovery
/// site's first one that is connected, the folder its first, and cards are connected to nothing.
enum VPGCreation {
  static let sample = """
    {"VpgName": "App1", "SourceSiteIdentifier": "…", "TargetSiteIdentifier": "…", \
    "DatastoreIdentifier": "…", "Priority": 1, "VmsIdentifiers": ["…"]}
    """

  static func answer(_ call: APICall) async throws -> APIResponse {
    let body = call.body
    for member in ["OrgVdcIdentifier", "VcVappIdentifier", "VcdVappIdentifier"] {
      guard try (body.text(member) ?? "").isEmpty else {
        throw APIError.invalid("\(member): a site of this kind has none")
      }
    }
    var definition = VPGDefinition(
      identifier: VPGIdentifier(UUID().uuidString.lowercased()),
      name: try body.text("VpgName") ?? "",
      protectedSite: try site("SourceSiteIdentifier", body),
      recoverySite: try site("TargetSiteIdentifier", body)
    )
    let inventory = try? await call.site.inventory(of: definition.recoverySite)
    definition.recovery.host = inventory?.hosts.first(where: \.isConnected)?.identifier
    definition.recovery.folder = inventory?.folders.first?.identifier
    definition.recovery.datastore = try body.text("DatastoreIdentifier")
      .map(DatastoreIdentifier.init(rawValue:))
    definition.recovery.resourcePool = try named("ResourcePoolIdentifier", body)
      .map(ResourcePoolIdentifier.init(rawValue:))
    let priority = try body.number("Priority", of: APIEnumerations.vpgPriority)
    definition.policy.priority =
      priority.flatMap(VPGDefinition.Priority.init(rawValue:)) ?? .medium
    definition.policy.serviceProfile = try named("ServiceProfileIdentifier", body)
    definition.policy.zorg = try named("ZorgIdentifier", body)
    definition.vms = try body.texts("VmsIdentifiers").map { name in vm(VMIdentifier(name)) }
    let checked = try await call.checked(definition, changing: nil)
    return .text(try await call.site.create(checked, user: call.user).rawValue)
  }

  private static func site(
    _ member: String,
    _ body: APIObject
  ) throws(APIError) -> SiteIdentifier {
    guard let text = try named(member, body) else { throw .invalid("\(member) is missing") }
    return SiteIdentifier(text.lowercased())
  }

  private static func named(_ member: String, _ body: APIObject) throws(APIError) -> String? {
    guard let text = try body.text(member), !text.isEmpty else { return nil }
    return text
  }

  /// A VM of which the site finds out the rest.
  private static func vm(_ identifier: VMIdentifier) -> VPGDefinition.ProtectedVM {
    VPGDefinition.ProtectedVM(
      identifier: identifier,
      name: "",
      stream: StreamIdentifier(""),
      nics: [],
      volumes: [],
      hardware: VMHardware(
        memoryInMB: 0,
        cpuCount: 0,
        architecture: "",
        machine: "",
        hasGuestAgent: false,
        macAddresses: []
      )
    )
  }
}
