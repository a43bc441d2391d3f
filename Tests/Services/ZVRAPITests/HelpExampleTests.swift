// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@testable import ZVRAPI

/// The examples of the help pages, made against a site where there is something of everything.
@Suite struct HelpExampleTests {
  /// What `…` stands for in a body, by the member it is the value of.
  private static let fillings = [
    "HostIdentifier": "\(FakeSite.host)", "VpgIdentifier": "\(FakeSite.vpg)",
    "ZorgIdentifier": FakeSite.zorg.identifier, "": "\(FakeSite.vpg)",
    "RetentionSetIdentifier": "\(FakeSite.retentionSet)",
    "FullRetentionSetIdentifier": "\(FakeSite.retentionSet)",
    "CheckpointIdentifier": "101", "DatastoreIdentifier": "11111111-aaaa.datastore-one",
    "SourceSiteIdentifier": "\(FakeSite.london)", "TargetSiteIdentifier": "\(FakeSite.paris)",
    "FromSessionIdentifier": FakeSite.files.rawValue,
    "KeepSiteIdentifier": "\(FakeSite.london)",
  ]

  /// Values of examples that have another one at this site.
  private static let values = [
    "\"1732370400000\"": "\"101\"", "[\"1\"]": "[\"9007199254740993\"]",
    "\"VpgName\": \"App1\"": "\"VpgName\": \"New\"", "\"/dns\"": "\"/new\"",
  ]

  /// Calls whose example is refused, with the status.
  private static let refused: [String: Int] = [
    // There is nothing of their kind at any site.
    "GET \(site)/orgvdcs/{orgVdcIdentifier}/networks": 404,
    "GET \(site)/orgvdcs/{orgVdcIdentifier}/storagepolicies": 404,
    "GET \(site)/orgvdcs/{orgVdcIdentifier}/storageprofiles": 404,
    "GET \(site)/publiccloud/encryptionkeys/{encryptionKeyId}": 404,
    "POST /v1/vras/clusters": 404, "DELETE \(cluster)": 404, "POST \(cluster)": 404,
    "PUT \(cluster)": 404, "GET \(cluster)/settings": 404, "POST \(cluster)/settings": 404,
    "GET /v1/zsspsessions/{zsspSessionIdentifier}": 404,
    "DELETE /v1/zsspsessions/{zsspSessionIdentifier}": 404,
    // None has been made at this one: a key for reports, a search, a restore that runs.
    "GET /v1/reports/recovery/{recoveryOperationIdentifier}/signature": 404,
    "GET /v1/reports/signingkey": 404, "GET /v1/reports/signingcertificate": 404,
    "GET /v1/vpgs/{vpgIdentifier}/pointsearch": 404,
    "POST /v1/ltr/restore/{taskIdentifier}/abort": 404,
  ]
  private static let site = "/v1/virtualizationsites/{siteIdentifier}"
  private static let cluster = "/v1/vras/clusters/{clusterIdentifier}"

  /// A body with something that there is in place of each `…`.
  private static func filled(_ sample: String, _ route: Route) -> String {
    let sample = values.reduce(sample) { $0.replacing($1.key, with: $1.value) }
    var parts = sample.split(separator: "…", omittingEmptySubsequences: false).map(String.init)
    for index in parts.indices.dropLast() {
      let name = parts[index].split(separator: "\"").last { $0.contains(where: \.isLetter) } ?? ""
      // A new VM where VMs are added, a protected one elsewhere.
      let isNew = route.path.contains("vpgSettings") || route.path == "/v1/vpgs"
      let machine = "\(isNew ? FakeSite.app : FakeSite.web)"
      parts[index] += name.hasPrefix("Vm") ? machine : fillings[String(name)] ?? "…"
    }
    return parts.joined()
  }

  private static func calls() -> [Route] {
    // The others' bodies are forms.
    Resources.routes.filter { $0.sample != "" || $0.method == .get }
  }

  @Test func `every example's body is read, and every call that is an example is answered`()
    async throws
  {
    for route in Self.calls() {
      let pattern = "\(route.method.rawValue) \(route.path)"
      let operation = APIObject(members: [
        APIMember(name: "method", value: .string(route.method.rawValue)),
        APIMember(name: "path", value: .string(route.path)),
      ])
      let call = ConformanceCall(operation)
      let client = await APIClient.loggedOn()
      let body = route.sample.map { Self.filled($0, route) }
      let answer = await call.send(client, path: call.spellings[0], body: body)
      let message = answer.asJSON.object?["Message"]?.readText ?? ""
      #expect(
        answer.status == Self.refused[pattern] ?? 200,
        "\(pattern) \(body ?? ""): \(message)"
      )
    }
  }
}
