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
        ("suspected/volumes", "SuspectedVolumeApi"), ("metrics/vpgs", "MetricsVpgApi"),
        ("metrics/vms", "MetricsVmApi"), ("metrics/volumes", "MetricsVolumeApi"),
      ].map { path, element in
        Route(.get, "encryptionDetection/\(path)", "Nothing: detection is off.") { _ in
          .list([], of: element)
        }
      }
  }
}
