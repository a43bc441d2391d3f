// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// The calls that export the settings of VPGs and make VPGs of exported ones.
enum VpgSettingsExports {
  private static let export = "vpgSettings/exportedSettings/{timeStamp}"
  private static let names = #"{"VpgNames": []}"#

  static var routes: [Route] {
    [
      Route(
        .post,
        "vpgSettings/exportSettings",
        "Keeps the settings of the named VPGs, or of all, as they are now.",
        body: names
      ) { call in
        let export = try await call.site.exportVPGs(
          named: try call.body.texts("VpgNames"),
          user: call.user
        )
        return .value(
          .object(
            "VpgSettingsExportApi",
            [
              "TimeStamp": .date(export.time),
              "ExportResult": .object(
                "VpgSettingsExportResultApi",
                [
                  "Result": .string("Success"),
                  "Message": .string("\(export.vpgs.count) VPGs were exported"),
                ]
              ),
            ]
          )
        )
      },
      Route(.get, "vpgSettings/exportedSettings", "What was exported, newest first.") { call in
        .list(
          try await call.site.vpgExports().map {
            .object("VpgSettingsExportedDataInfoApi", ["TimeStamp": .date($0.time)])
          },
          of: "VpgSettingsExportedDataInfoApi"
        )
      },
      Route(.post, export, "Reads an export, or the named VPGs of it.", body: names, answer: read),
      Route(.get, "\(export)/vpgsinfo", "The VPGs of an export.") { call in
        .list(
          try await found(call).vpgs.map {
            .object(
              "VpgSettingsExportVpgInfoApi",
              [
                "VpgName": .string($0.definition.name),
                "SourceSiteName": .string($0.protectedSiteName),
                "TargetSiteName": .string($0.recoverySiteName),
              ]
            )
          },
          of: "VpgSettingsExportVpgInfoApi"
        )
      },
      Route(
        .post,
        "vpgSettings/import",
        "Makes VPGs of exported settings, of all or of the named ones.",
        body: #"{"ExportedVpgSettingsApi": [], "VpgNames": []}"#,
        answer: importing
      ),
    ]
  }

  /// The export that a path names: its second counts, since clients cut the fraction off.
  private static func found(_ call: APICall) async throws -> VPGExport {
    let text = call.parameter("timeStamp")
    guard let time = APIDate.read(text) else {
      throw APIError.invalid("timeStamp is no date and time: \(text)")
    }
    let exports = try await call.site.vpgExports()
    guard
      let export = exports.first(where: {
        $0.time.milliseconds / 1000 == time.milliseconds / 1000
      })
    else { throw APIError.notFound("nothing was exported at \(text)") }
    return export
  }

  private static func read(_ call: APICall) async throws -> APIResponse {
    let export = try await found(call)
    let names = try call.body.texts("VpgNames")
    let chosen = export.vpgs.filter { entry in
      names.isEmpty || names.contains { $0.isSame(as: entry.definition.name) }
    }
    let missing = names.filter { name in
      !chosen.contains { $0.definition.name.isSame(as: name) }
    }
    return .value(
      .object(
        "VpgSettingsDownloadExportApi",
        [
          "ExportedVpgSettingsApi": .list(
            chosen.map { .object(exported($0)) },
            element: "ExportedVpgSettingsApi"
          ),
          "ErrorMessage": missing.isEmpty
            ? .null : .string("the export has no VPG \(missing.joined(separator: ", "))"),
        ]
      )
    )
  }

  /// A VPG as an export shows it.
  private static func exported(_ entry: VPGExport.Entry) -> APIObject {
    let draft = SettingsDraft(identifier: "", editing: entry.definition)
    let names = [
      APIMember(name: "SourceSiteName", value: .string(entry.protectedSiteName)),
      APIMember(name: "TargetSiteName", value: .string(entry.recoverySiteName)),
    ]
    var tree = APIObject(type: "ExportedVpgSettingsApi", members: names + draft.tree.members)
    tree["VpgSettingsIdentifier"] = .null
    tree["Backup"] = nil
    return tree
  }

  // MARK: Importing

  private static func importing(_ call: APICall) async throws -> APIResponse {
    guard let items = call.body["ExportedVpgSettingsApi"]?.items else {
      throw APIError.invalid("ExportedVpgSettingsApi is not a list")
    }
    let names = try call.body.texts("VpgNames")
    var (invalid, failed, tasks): ([APIValue], [APIValue], [APIValue]) = ([], [], [])
    for item in items {
      guard let entry = item.object else {
        throw APIError.invalid("ExportedVpgSettingsApi is not a list of objects")
      }
      let name = entry.value("Basic", "Name").readText ?? ""
      guard names.isEmpty || names.contains(where: { $0.isSame(as: name) }) else { continue }
      do {
        let task = try await imported(entry, call)
        tasks.append(
          .object(
            "VpgSettingsImportTaskIdentifierResultApi",
            ["VpgName": .string(name), "TaskIdentifier": .string(task.rawValue)]
          )
        )
      } catch let error as APIError {
        invalid.append(problems([error.message], of: name))
      } catch SiteError.rejected(let texts) {
        invalid.append(problems(texts, of: name))
      } catch let error as SiteError {
        failed.append(
          .object(
            "VpgSettingsImportFailedResultApi",
            ["VpgName": .string(name), "ErrorMessage": .string(error.message)]
          )
        )
      }
    }
    return .value(
      .object(
        "VpgSettingsImportVpgsResultApi",
        [
          "ValidationFailedResults": .list(
            invalid,
            element: "VpgSettingsImportValidationResultApi"
          ),
          "ImportFailedResults": .list(failed, element: "VpgSettingsImportFailedResultApi"),
          "ImportTaskIdentifiers": .list(
            tasks,
            element: "VpgSettingsImportTaskIdentifierResultApi"
          ),
          "VpgSettingsIds": .texts([]),
        ]
      )
    )
  }

  private static func problems(_ texts: [String], of name: String) -> APIValue {
    .object(
      "VpgSettingsImportValidationResultApi",
      ["VpgName": .string(name), "ErrorMessages": .texts(texts)]
    )
  }

  /// Makes a new VPG of an exported one.
  private static func imported(
    _ entry: APIObject,
    _ call: APICall
  ) async throws -> TaskIdentifier {
    var draft = SettingsDraft(identifier: "", base: nil)
    let machines = try await VpgSettings.machines(
      for: try VpgSettings.vmNames(entry),
      of: draft,
      change: entry,
      call
    )
    try draft.change(entry, machines: machines, nulls: .clear)
    let wish = try await HostClusters.placed(
      try draft.definition(machines: machines, local: call.site.siteIdentifier),
      by: draft,
      call
    )
    return try await call.site.create(
      try await call.checked(wish, changing: nil),
      user: call.user
    )
  }
}
