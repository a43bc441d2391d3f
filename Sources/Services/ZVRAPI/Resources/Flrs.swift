// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/flrs`: file-level restore sessions: there are none.
///
/// Files of a point in time are read through `understudy point`.
enum Flrs: Resource {
  static let root = "flrs"
  static let interface = "IFlrService"

  private static let session = "flrs/{flrSessionIdentifier}"

  static var routes: [Route] { sessions.changesNeed(.recover) }

  private static var sessions: [Route] {
    [
      Route(.get, "flrs", "The sessions: there are none.") { _ in
        .list([], of: "FlrSessionInformationApi")
      },
      Route(
        .post,
        "flrs",
        "Would open a session; not available.",
        body:
          #"{"jflr": {"VmIdentifier": "…", "VpgIdentifier": "…", "CheckpointIdentifier": "…"}}"#,
        answer: open
      ),
      Route(.get, session, "One session.", answer: unknown),
      Route(.delete, session, "Ends a session.", answer: unknown),
      Route(.post, "\(session)/browse", "What a folder holds.", body: #"{"Path": "/"}"#) { call in
        try await unknown(call)
      },
      Route(
        .post,
        "\(session)/download",
        "Fetches files.",
        body: #"{"PathList": ["/etc/hosts"]}"#,
        answer: unknown
      ),
    ]
  }

  private static func unknown(_ call: APICall) async throws -> APIResponse {
    throw APIError.notFound(
      "there is no file-level restore session \(call.parameter("flrSessionIdentifier"))"
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
      throw APIError.notFound("there is no retention set \(set)")
    }
    guard let checkpoint = try wish.text("CheckpointIdentifier"), !checkpoint.isEmpty else {
      throw APIError.invalid("CheckpointIdentifier is missing")
    }
    try await call.checkCheckpoint(checkpoint, of: view.vpg.definition.identifier)
    throw APIError.notAvailable("file-level restore through the API")
  }
}
