// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// `/v1/recoveryScripts`: scripts kept by the manager: there are none.
enum RecoveryScripts: Resource {
  static let root = "recoveryScripts"
  static let interface = "IRecoveryScriptsService"

  static var routes: [Route] {
    ["repository", "output"].flatMap(routes)
      + [
        Route(
          .post,
          "recoveryScripts/repository/files",
          "Would take a script; not available."
        ) { _ in throw APIError.notAvailable("keeping recovery scripts in the manager") }
      ]
  }

  private static func routes(of place: String) -> [Route] {
    [
      Route(.get, "recoveryScripts/\(place)/items", "What a folder holds: nothing.") { call in
        if let path = call.query.text("path"), !isRoot(path) {
          throw APIError.notFound("there is no folder \(path)")
        }
        return .value(.object("ListItemsResultApi", ["Items": .list([], element: "ItemApi")]))
      },
      Route(.get, "recoveryScripts/\(place)/files", "A file's content.", answer: unknown),
      Route(.delete, "recoveryScripts/\(place)/files", "Deletes a file.", answer: unknown),
      Route(.delete, "recoveryScripts/\(place)/folders", "Deletes a folder.", answer: unknown),
      Route(
        .post,
        "recoveryScripts/\(place)/folders",
        "Would make a folder; not available.",
        body: #"{"Path": "/scripts"}"#
      ) { call in
        guard let path = try call.body.text("Path"), !path.isEmpty else {
          throw APIError.invalid("Path is missing")
        }
        throw APIError.notAvailable("keeping recovery scripts in the manager")
      },
    ]
  }

  private static func isRoot(_ path: String) -> Bool { path.allSatisfy { "/\\.".contains($0) } }

  private static func unknown(_ call: APICall) async throws -> APIResponse {
    guard let path = call.query.text("path") else { throw APIError.invalid("path is missing") }
    throw APIError.notFound("there is no file or folder \(path)")
  }
}
