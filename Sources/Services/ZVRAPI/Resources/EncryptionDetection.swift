// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/encryptionDetection`: whether guests' data begins to look encrypted, which nobody measures.
enum EncryptionDetection: Resource {
  static let root = "encryptionDetection"
  static let interface = "IEncryptionDetectionService"

  static var routes: [Route] {
    [
      Route(.get, "encryptionDetection/state", "Whether detection is on: it is not.") { _ in
        .value(.object("SettingsApi", ["EncryptionDetectionEnabled": .bool(false)]))
      },
      Route(
        .post,
        "encryptionDetection/state",
        "Turns detection on, which is not available, or off.",
        body: #"{"EncryptionDetectionEnabled": false}"#
      ) { call in
        guard let isOn = try call.body.flag("EncryptionDetectionEnabled") else {
          throw APIError.invalid("EncryptionDetectionEnabled is missing")
        }
        guard !isOn else { throw APIError.notAvailable("encryption detection") }
        return .empty
      },
      Route(
        .post,
        "encryptionDetection/dismissEvent",
        "Dismisses suspicions: there are none.",
        body: #"{"VpgIdentifiers": []}"#
      ) { call in
        for name in try call.body.texts("VpgIdentifiers") {
          _ = try await call.site.vpg(VPGIdentifier(name.lowercased()))
        }
        return .empty
      },
    ]
      + [
        ("suspected/vpgs", "SuspectedVpgApi"), ("suspected/vms", "SuspectedVmApi"),
        ("suspected/volumes", "SuspectedVolumeApi"),
      ].map { path, element in
        Route(.get, "encryptionDetection/\(path)", "Nothing: detection is off.") { _ in
          .list([], of: element)
        }
      } + metrics
  }

  // MARK: Metrics

  /// Of each object that is protected, since clients look them up without asking; nothing was
  /// looked at while detection is off, so all that was seen is nothing.
  private static var metrics: [Route] {
    [
      Route(.get, "encryptionDetection/metrics/vpgs", "VPGs: nothing is looked at.") { call in
        let links = call.links()
        return .list(
          try await call.site.vpgs().map(\.definition).map { vpg in
            .object(
              "MetricsVpgApi",
              [
                "Link": named(links.vpg(vpg.identifier), "RwResourceLink", vpg.name),
                "EncryptionMetrics": nothingSeen,
              ]
            )
          },
          of: "MetricsVpgApi"
        )
      },
      Route(.get, "encryptionDetection/metrics/vms", "VMs: nothing is looked at.") { call in
        let links = call.links()
        return .list(
          try await members(call).map { vm, vpgs in
            let link = links.link("VmApi", "vms", vm.identifier.rawValue)
            return .object(
              "MetricsVmApi",
              [
                "Link": named(link, "RwVmResourceLink", vm.name), "AssociatedVpgs": vpgs,
                "EncryptionMetrics": nothingSeen,
              ]
            )
          },
          of: "MetricsVmApi"
        )
      },
      Route(.get, "encryptionDetection/metrics/volumes", "Disks: nothing is looked at.") { call in
        .list(
          try await members(call).flatMap { vm, vpgs in
            vm.volumes.map { volume in
              .object(
                "MetricsVolumeApi",
                [
                  "VolumeIdentifier": .identifier(volume.identifier),
                  "AssociatedVm": .object(
                    "AssociatedVmApi",
                    ["Identifier": .identifier(vm.identifier), "Name": .string(vm.name)]
                  ),
                  "AssociatedVpgs": vpgs, "EncryptionMetrics": nothingSeen,
                ]
              )
            }
          },
          of: "MetricsVolumeApi"
        )
      },
    ]
  }

  /// The protected VMs, each with its VPG.
  private static func members(
    _ call: APICall
  ) async throws -> [(VPGDefinition.ProtectedVM, vpgs: APIValue)] {
    try await call.site.vpgs().map(\.definition).flatMap { vpg in
      let names = APIValue.object(
        "AssociatedVpgApi",
        ["Identifier": .identifier(vpg.identifier), "Name": .string(vpg.name)]
      )
      let vpgs = APIValue.list([names], element: "AssociatedVpgApi")
      return vpg.vms.map { ($0, vpgs: vpgs) }
    }
  }

  /// A link that says the name of what it leads to.
  private static func named(_ link: APIValue, _ type: String, _ name: String) -> APIValue {
    var object = link.object ?? APIObject()
    object.type = type
    if type == "RwVmResourceLink" { object["instance_identifier"] = .null }
    object["name"] = .string(name)
    return .object(object)
  }

  private static let nothingSeen = APIValue.object(
    "MetricsApi",
    [
      "NonEncryptedData": .integer(0), "EncryptedData": .integer(0),
      "TrendChangeLevel": .integer(0),
    ]
  )
}
