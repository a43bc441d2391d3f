// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel

@testable import ZVRAPI

/// One operation of the published API, with what a call of it needs.
struct ConformanceCall {
  let operation: APIObject
  let pattern: String
  var method: APIRequest.Method

  init(_ operation: APIObject) {
    self.operation = operation
    pattern = operation["path"]?.readText ?? ""
    method = operation["method"]?.readText.flatMap(APIRequest.Method.init(rawValue:)) ?? .get
  }

  /// What stands for a path's parameters.
  private static let values = [
    "siteIdentifier": "\(FakeSite.paris)", "hostIdentifier": "\(FakeSite.host)",
    "vraIdentifier": "9007199254740993", "vpgIdentifier": "\(FakeSite.vpg)",
    "vmIdentifier": "\(FakeSite.web)", "nicIdentifier": "Network adapter 1",
    "volumeIdentifier": "scsi:0:0", "taskIdentifier": "\(FakeSite.task)",
    "eventIdentifier": FakeSite.event, "alertIdentifier": FakeSite.alert,
    "datastoreIdentifier": "11111111-aaaa.datastore-one", "resource": "vpgs",
    "serviceProfileIdentifier": FakeSite.profile.identifier,
    "zorgIdentifier": FakeSite.zorg.identifier,
    "recoveryOperationIdentifier": FakeSite.recovery,
    "flrSessionIdentifier": FakeSite.files.rawValue,
    "repositoryIdentifier": "\(FakeSite.repository)", "repositoryId": "\(FakeSite.repository)",
    "retentionSetIdentifier": "\(FakeSite.retentionSet)",
    "timeStamp": "2024-05-06T07:08:09.000Z",
    "tweakName": "RpoAlertCalmInSeconds",
  ]

  /// Bodies of the calls that need one.
  private static let bodies = [
    "POST /v1/vpgs/{vpgIdentifier}/checkpoints": #"{"CheckpointName": "x"}"#,
    "POST /auth/realms/zerto/protocol/openid-connect/token":
      "grant_type=password&client_id=zerto-client&username=root&password=right",
    "POST /v1/peersites": #"{"HostName": "h", "Port": 9081, "Token": "t"}"#,
    "POST /v1/peersites/pair": #"{"HostName": "h", "Port": 9081, "Token": "t"}"#,
    "POST /v1/vpgSettings/copyVpgSettings": #"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#,
    "POST /v1/vpgSettings/import": #"{"ExportedVpgSettingsApi": []}"#,
    "POST /v1/vpgs": """
    {"VpgName": "old", "SourceSiteIdentifier": "\(FakeSite.london)",
     "TargetSiteIdentifier": "\(FakeSite.paris)", "VmsIdentifiers": ["\(FakeSite.app)"]}
    """,
    "POST /v1/vpgSettings/{vpgSettingsIdentifier}/vms": #"{"VmIdentifier": "\#(FakeSite.app)"}"#,
    "PUT /v1/license": #"{"LicenseKey": "ABCD-1234"}"#,
    "POST /v1/encryptionDetection/state": #"{"EncryptionDetectionEnabled": false}"#,
    "POST /management/api/tweaks/v1/zvmTweaks":
      #"{"name": "RpoAlertCalmInSeconds", "type": "zvm-tweak", "value": "90"}"#,
    "POST /v1/flrs":
      #"{"jflr": {"VmIdentifier": "\#(FakeSite.web)", "CheckpointIdentifier": "101"}}"#,
    "POST /v1/flrs/{flrSessionIdentifier}/browse": #"{"Path": "/vda1"}"#,
    "POST /v1/flrs/{flrSessionIdentifier}/comparison":
      #"{"FromSessionIdentifier": "\#(FakeSite.files)", "Path": "/vda1"}"#,
    "POST /v1/flrs/{flrSessionIdentifier}/download": #"{"PathList": ["/vda1/etc/hosts"]}"#,
    "PUT /v1/localsite/virtualizationsettings":
      #"{"Credentials": {"UserName": "u", "Password": "p"}}"#,
    "POST /v1/ltr/repositories": #"{"RepositoryName": "r", "Nfs": {"Path": "/srv/archive"}}"#,
    "POST /v1/ltr/restore/vm":
      #"{"RetentionSetIdentifier": "\#(FakeSite.retentionSet)", "#
      + #""VmIdentifier": "\#(FakeSite.web)"}"#,
    "POST /v1/ltr/catalog/deleteretentionsets":
      #"{"RetentionSetsToDelete": [{"FullRetentionSetIdentifier": "\#(FakeSite.retentionSet)"}]}"#,
    "POST /v1/recoveryScripts/output/folders": #"{"Path": "/x"}"#,
    "POST /v1/recoveryScripts/repository/folders": #"{"Path": "/x"}"#,
    "POST /v1/recoveryScripts/repository/files": FakeSite.upload(path: "/b.sh"),
    "POST /v1/vms/{vmIdentifier}/RestoreCommit": #""\#(FakeSite.vpg)""#,
    "POST /v1/vms/{vmIdentifier}/RestoreRollback": #""\#(FakeSite.vpg)""#,
    "POST /v1/vras": #"{"HostIdentifier": "\#(FakeSite.host)", "MemoryInGb": "3"}"#,
    "POST /v1/vras/clusters": #"{"ClusterIdentifier": "c"}"#,
    "POST /v1/vras/upgrade": #"{"VraIdentifiers": ["9007199254740993"]}"#,
    "POST /v1/zsspsessions":
      #"{"ZorgIdentifier": "\#(FakeSite.zorg.identifier)", "ZsspAddress": "https://p"}"#,
  ]

  /// What a body that is neither JSON nor a plain form is.
  private static let types = [
    "POST /v1/recoveryScripts/repository/files": "multipart/form-data; boundary=b"
  ]

  /// Queries of the calls that need one.
  private static let queries = [
    "/v1/serverDateTime/dateTimeArgument": "?dateTime=2024-05-06",
    "/v1/flrs/{flrSessionIdentifier}/download": "?path=/vda1/etc/hosts",
    "/v1/vms/{vmIdentifier}/pointsInTime/difference": "?fromCheckpoint=101&toCheckpoint=102",
    "/v1/recoveryScripts/output/files": "?path=/web/printed.txt",
    "/v1/recoveryScripts/output/folders": "?path=/web&deleteIfNotEmpty=true",
    "/v1/recoveryScripts/repository/files": "?path=/dns/a.sh",
    "/v1/recoveryScripts/repository/folders": "?path=/dns&deleteIfNotEmpty=true",
  ]

  var isForm: Bool { operation["body"]?.readText?.hasSuffix("Form") == true }

  /// The path as the published API has it, and as clients write it too.
  ///
  /// `{vpgSettingsIdentifier}` is left: it stands for a settings object of the client.
  var spellings: [String] {
    var path = pattern
    var inOrder: [String] = []
    for segment in pattern.split(separator: "/") where segment.hasPrefix("{") {
      let name = String(segment.dropFirst().dropLast())
      let value = name == "vpgSettingsIdentifier" ? String(segment) : Self.values[name] ?? name
      path.replace("{\(name)}", with: value)
      inOrder.append(value)
    }
    let others = (operation["alsoRequestedAs"]?.items ?? []).compactMap(\.readText).map { text in
      inOrder.reduce(text) { $0.replacing("{}", with: $1, maxReplacements: 1) }
    }
    return [path + (Self.queries[pattern] ?? "")] + others
  }

  /// The path with `{}` for its last parameter; nil if it has none.
  var withUnknownName: String? {
    guard let start = pattern.lastIndex(of: "{"), let end = pattern.lastIndex(of: "}") else {
      return nil
    }
    var unknown = self.operation
    unknown["path"] = .string(pattern.replacingCharacters(in: start...end, with: "\u{1}"))
    return ConformanceCall(unknown).spellings[0].replacing("\u{1}", with: "{}")
  }

  /// Makes the call.
  ///
  /// A settings object is opened first if the path needs one.
  func send(
    _ client: APIClient,
    path: String,
    body: String? = nil,
    accept: String? = nil,
    contentType: String? = nil
  ) async -> APIResponse {
    var path = path
    if path.contains("{vpgSettingsIdentifier}") {
      let settings = await client.openSettings(#"{"VpgIdentifier": "\#(FakeSite.vpg)"}"#)
      let identifier = settings.split(separator: "/").last.map(String.init) ?? ""
      path.replace("{vpgSettingsIdentifier}", with: identifier)
    }
    let isLogon = pattern == "/v1/session/add"
    return await client.respond(
      method,
      path,
      body ?? Self.bodies["\(method.rawValue) \(pattern)"] ?? "",
      credentials: isLogon ? .init(user: "root", password: "right") : nil,
      accept: accept,
      contentType: contentType ?? Self.types["\(method.rawValue) \(pattern)"]
    )
  }

  /// A JSON value that a member cannot be; nil if it can be anything.
  static func wrongValue(for rules: APIObject) -> String? {
    switch rules["type"]?.readText {
    case "object": "17"
    case "array": rules["ref"]?.readText == "string" ? "{}" : "17"
    case "integer", "long", "double", "boolean", "datetime": "{\"Not\": \"this\"}"
    case "string": "[{}]"
    default: nil
    }
  }

  /// What tells calls apart, whatever their parameters are called.
  static func key(_ method: APIRequest.Method, _ path: String) -> String {
    method.rawValue + " "
      + path.split(separator: "/").map { $0.hasPrefix("{") ? "{}" : $0.lowercased() }
      .joined(separator: "/")
  }
}

extension String {
  fileprivate func replacingCharacters(
    in range: ClosedRange<String.Index>,
    with text: String
  ) -> String {
    String(self[..<range.lowerBound]) + text + String(self[index(after: range.upperBound)...])
  }
}
