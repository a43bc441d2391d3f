// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Identity
internal import Orchestration
internal import RecoveryModel

/// `/v1/flrs`: sessions in which files of a VM are read as they were at a checkpoint.
///
/// A session mounts after it was begun: a client asks for its status until it can be browsed.
enum Flrs: Resource {
  static let root = "flrs"
  static let interface = "IFlrService"

  static let session = "flrs/{flrSessionIdentifier}"
  private static let pageSize = 200
  private static let largestPage = 1000

  static var routes: [Route] {
    (sessions + reading + comparing).changesNeed(.recover)
  }

  private static var sessions: [Route] {
    [
      Route(.get, "flrs", "The sessions, or those of one VM.") { call in
        let vm = call.query.text("vmIdentifier")
        let views = try await call.site.fileSessions().filter { view in
          vm.map { view.vm?.rawValue == $0 } ?? true
        }
        return await list(views, call)
      },
      Route(
        .post,
        "flrs",
        "Begins a session; it mounts after the answer.",
        body:
          #"{"jflr": {"VmIdentifier": "…", "VpgIdentifier": "…", "CheckpointIdentifier": "…"}}"#,
        answer: open
      ),
      Route(.get, session, "One session.") { call in
        await list([try await view(call)], call)
      },
      Route(.delete, session, "Ends a session.") { call in
        let name = call.parameter("flrSessionIdentifier")
        try await call.site.closeFiles(name, user: call.user)
        return .text(name)
      },
    ]
  }

  private static var reading: [Route] {
    [
      Route(.post, "\(session)/browse", "What a folder holds.", body: #"{"Path": "/"}"#) { call in
        let size = try call.body.integer("PageSize") ?? 0
        let page = try call.body.integer("PageNumber") ?? 1
        guard size >= 0, (0...1_000_000).contains(page) else {
          throw APIError.invalid("PageNumber and PageSize must not be negative")
        }
        let count = size == 0 ? pageSize : min(size, largestPage)
        let reply = try await call.site.listFiles(
          call.parameter("flrSessionIdentifier"),
          FileListRequest(
            path: try call.body.text("Path") ?? "/",
            first: (max(page, 1) - 1) * count,
            count: count
          )
        )
        return .value(.folder(reply))
      },
      Route(
        .post,
        "\(session)/download",
        "Where a file, or a folder as a tar archive, can be fetched: an address of this manager.",
        body: #"{"PathList": ["/vda1/etc/hosts"]}"#
      ) { call in
        _ = try await view(call)
        let paths = try call.body.texts("PathList")
        guard let path = paths.first, paths.count == 1 else {
          throw APIError.invalid("PathList must have one path: fetch the folder for several files")
        }
        let name = call.parameter("flrSessionIdentifier")
        return .text(
          "\(call.request.baseURL)/v1/flrs/\(PercentEncoding.encode(name))/download"
            + "?path=\(PercentEncoding.encode(path))"
        )
      },
      Route(
        .get,
        "\(session)/download",
        "The bytes of a file, or of a folder as a tar archive.",
        access: .needs(.recover),
        isAudited: true,
        answer: download
      ),
    ]
  }

  private static func list(_ views: [FileSessionView], _ call: APICall) async -> APIResponse {
    let site = call.site.siteIdentifier
    return .list(
      views.map { .fileSession($0, site: site) },
      of: "FlrSessionInformationApi"
    )
  }

  private static func view(_ call: APICall) async throws -> FileSessionView {
    let name = call.parameter("flrSessionIdentifier")
    let found = try await call.site.fileSessions().first {
      $0.status.identifier.rawValue == name
    }
    guard let found else {
      throw APIError.notFound("there is no file-level restore session \(name)")
    }
    return found
  }

  private static func download(_ call: APICall) async throws -> APIResponse {
    guard let path = call.query.text("path") else {
      throw APIError.invalid("the query names no path")
    }
    let content = try await call.site.fileContent(
      call.parameter("flrSessionIdentifier"),
      path: path
    )
    let last = path.split(separator: "/").last.map(String.init) ?? "files"
    let name = content.byteCount == nil ? last + ".tar" : last
    return APIResponse(
      status: 200,
      content: .stream(APIStream(fileName: name, content: content))
    )
  }

  private static func open(_ call: APICall) async throws -> APIResponse {
    let journal = call.body["jflr"]?.object
    let retention = call.body["bflr"]?.object
    guard let wish = journal ?? retention, journal == nil || retention == nil else {
      throw APIError.invalid("the body needs one of jflr and bflr")
    }
    guard let vm = try wish.text("VmIdentifier"), !vm.isEmpty else {
      throw APIError.invalid("VmIdentifier is missing")
    }
    let view = try await call.protectedVM(vm, vpg: try wish.text("VpgIdentifier"))
    if journal == nil {
      guard let set = try wish.text("RetentionSetIdentifier"), !set.isEmpty else {
        throw APIError.invalid("RetentionSetIdentifier is missing")
      }
      guard try await call.site.retentionSets().contains(where: { "\($0.identifier)" == set })
      else {
        throw APIError.notFound("there is no retention set \(set)")
      }
      throw APIError.notAvailable(
        "reading single files of a retention set",
        "restore the set to a new VM, or open a checkpoint"
      )
    }
    guard let text = try wish.text("CheckpointIdentifier"), !text.isEmpty else {
      throw APIError.invalid("CheckpointIdentifier is missing")
    }
    try await call.checkCheckpoint(text, of: view.vpg.definition.identifier)
    guard let checkpoint = CheckpointIdentifier(text: text) else {
      throw APIError.invalid("CheckpointIdentifier is not a number: \(text)")
    }
    let session = try await call.site.openFiles(
      of: view.vm.identifier,
      in: view.vpg.definition.identifier,
      at: checkpoint,
      user: call.user
    )
    return .text(session.status.identifier.rawValue)
  }
}
