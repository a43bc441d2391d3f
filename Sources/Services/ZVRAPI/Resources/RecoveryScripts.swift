// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel
internal import Scripts

/// `/v1/recoveryScripts`: the scripts this manager can run around recoveries, and what they left.
enum RecoveryScripts: Resource {
  static let root = "recoveryScripts"
  static let interface = "IRecoveryScriptsService"

  /// One of the two areas.
  private struct Area: Sendable {
    let name: String
    let area: @Sendable (ScriptFolders) -> ScriptArea
    /// Who may read files: a script may hold a password, and what one printed is for those who
    /// test.
    let reading: Permission

    func of(_ call: APICall) throws(APIError) -> ScriptArea {
      guard let folders = call.site.scriptFolders else {
        throw .invalid("keeping scripts is not available: this site runs none")
      }
      return area(folders)
    }
  }

  private static let repository = Area(
    name: "repository",
    area: { $0.repository },
    reading: .administer
  )
  private static let output = Area(name: "output", area: { $0.output }, reading: .test)

  static var routes: [Route] {
    [repository, output].flatMap { listing($0) + files($0) + folders($0) }
      + [
        Route(
          .post,
          "recoveryScripts/repository/files",
          "Keeps a script, sent as multipart/form-data: file, path and overwriteExisting.",
          answer: upload
        )
      ]
  }

  private static func listing(_ area: Area) -> [Route] {
    [
      Route(.get, "recoveryScripts/\(area.name)/items", "What a folder holds.") { call in
        let items = try area.of(call).items(
          in: try ScriptPath(call.query.text("path") ?? "/"),
          matching: call.query.text("search")
        )
        return .value(
          .object("ListItemsResultApi", ["Items": .list(items.map(item), element: "ItemApi")])
        )
      }
    ]
  }

  private static func files(_ area: Area) -> [Route] {
    [
      Route(
        .get,
        "recoveryScripts/\(area.name)/files",
        "A file's content.",
        access: .needs(area.reading),
        isAudited: true
      ) { call in
        let path = try path(call)
        let bytes = try area.of(call).read(path)
        return .document(bytes, mediaType: "application/octet-stream")
      },
      Route(.delete, "recoveryScripts/\(area.name)/files", "Deletes a file.") { call in
        let path = try path(call)
        try area.of(call).removeFile(path)
        return .empty
      },
    ]
  }

  private static func folders(_ area: Area) -> [Route] {
    [
      Route(
        .post,
        "recoveryScripts/\(area.name)/folders",
        "Makes a folder.",
        body: #"{"Path": "/dns"}"#
      ) { call in
        guard let text = try call.body.text("Path"), !text.isEmpty else {
          throw APIError.invalid("Path is missing")
        }
        try area.of(call).makeFolder(try ScriptPath(text))
        return .empty
      },
      Route(
        .delete,
        "recoveryScripts/\(area.name)/folders",
        "Deletes a folder, with what it holds if deleteIfNotEmpty is true."
      ) { call in
        let path = try path(call)
        let withContent = call.query.flag("deleteIfNotEmpty")
        try area.of(call).removeFolder(path, withContent: withContent)
        return .empty
      },
    ]
  }

  /// Clients give the path of the folder or that of the file: what ends in a slash, or is the root,
  /// takes the file under its own name.
  private static func upload(_ call: APICall) async throws -> APIResponse {
    let form = try MultipartForm(call.request.body, contentType: call.request.contentType)
    guard let file = form["file"] else { throw APIError.invalid("the form has no file") }
    let wish = form["path"]?.text ?? "/"
    let whole = wish.isEmpty || wish.hasSuffix("/") ? wish + (file.fileName ?? "") : wish
    guard let overwrites = APIValue.string(form["overwriteExisting"]?.text ?? "false").readFlag
    else {
      throw APIError.invalid("overwriteExisting is neither true nor false")
    }
    try repository.of(call).write(file.bytes, to: try ScriptPath(whole), overwrites: overwrites)
    return .empty
  }

  private static func path(_ call: APICall) throws -> ScriptPath {
    guard let text = call.query.text("path") else { throw APIError.invalid("path is missing") }
    return try ScriptPath(text)
  }

  private static func item(_ item: ScriptArea.Item) -> APIValue {
    .object(
      "ItemApi",
      [
        "Name": .string(item.path.name),
        "Path": .string(item.path.description),
        // The names of the two numbers are not published; ours: 1 is a file, 2 a folder.
        "Type": APIEnumerations.scriptItemType.value(item.isFolder ? 2 : 1),
        "CreatedAt": .date(WallTime(milliseconds: Int64(item.written) * 1000)),
      ]
    )
  }
}
