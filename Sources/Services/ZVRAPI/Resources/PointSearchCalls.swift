// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// The search for a VPG's last good point: part of `/v1/vpgs`.
enum PointSearchCalls {
  private static let path = "\(Vpgs.vpg)/pointsearch"

  static var routes: [Route] {
    [
      Route(.get, path, "The search under way, or the last one.") { call in
        .value(.pointSearch(try await call.site.search(in: call.vpg)))
      },
      Route(
        .post,
        path,
        "Finds the last point that passes a check, by tests that are thrown away. Answers a task.",
        body: #"{"Url": "http://192.0.2.10/health", "NeedsGuestAgent": false, "#
          + #""Script": "checks/orders.sh", "ScriptParameters": "--strict", "#
          + #""TimeoutInSeconds": 300}"#,
        answer: begin
      ),
      Route(.delete, path, "Aborts the search. Answers a task.") { call in
        .text(try await call.site.abortSearch(in: call.vpg, user: call.user).rawValue)
      },
    ]
  }

  private static func begin(_ call: APICall) async throws -> APIResponse {
    let body = call.body
    let url = try body.text("Url").flatMap { $0.isEmpty ? nil : $0 }
    if let fault = url.flatMap(GuestChecks.fault) { throw APIError.invalid("Url: \(fault)") }
    let needsGuestAgent = try body.flag("NeedsGuestAgent") ?? false
    let script = try script(call)
    let files = try await PointFileConditions.read(call)
    guard url != nil || needsGuestAgent || script != nil || files != nil else {
      throw APIError.invalid("name a check: Url, NeedsGuestAgent, Script, Files, or several")
    }
    guard files == nil || (url == nil && !needsGuestAgent) else {
      throw APIError.invalid("Files are looked at without starting VMs: no Url, no NeedsGuestAgent")
    }
    let timeout = try body.integer("TimeoutInSeconds") ?? 300
    guard (1...86_400).contains(timeout) else {
      throw APIError.invalid("TimeoutInSeconds must be from 1 to 86400")
    }
    let wish = PointSearchWish(
      check: PointCheck(
        url: url,
        needsGuestAgent: needsGuestAgent,
        timeoutInSeconds: timeout,
        script: script,
        files: files
      ),
      oldest: try checkpoint("OldestCheckpointIdentifier", body),
      newest: try checkpoint("NewestCheckpointIdentifier", body)
    )
    let task = try await call.site.beginSearch(wish, in: call.vpg, user: call.user)
    return .text(task.rawValue)
  }

  private static func script(_ call: APICall) throws(APIError) -> PointCheck.Script? {
    let parameters = try call.body.text("ScriptParameters") ?? ""
    guard let command = try call.body.text("Script"), !command.isEmpty else {
      guard parameters.isEmpty else {
        throw .invalid("ScriptParameters are given, but no Script")
      }
      return nil
    }
    guard command.utf8.count <= 1024, parameters.utf8.count <= 4096 else {
      throw .invalid("Script or ScriptParameters is too long")
    }
    return PointCheck.Script(command: command, parameters: parameters)
  }

  private static func checkpoint(
    _ name: String,
    _ body: APIObject
  ) throws(APIError) -> CheckpointIdentifier? {
    guard let text = try body.text(name), !text.isEmpty else { return nil }
    guard let checkpoint = CheckpointIdentifier(text: text) else {
      throw .invalid("\(name) is not a number: \(text)")
    }
    return checkpoint
  }
}

extension APIValue {
  /// A search, as far as it is.
  static func pointSearch(_ view: PointSearchView) -> APIValue {
    let search = view.workflow.search
    return .object(
      "PointSearchApi",
      [
        "VpgIdentifier": .identifier(view.workflow.vpg),
        "TaskIdentifier": .identifier(view.task),
        "UserName": .string(view.user),
        "Began": .date(view.began),
        "Ended": .date(view.ended),
        "Url": .text(view.workflow.check.url),
        "NeedsGuestAgent": .bool(view.workflow.check.needsGuestAgent),
        "Script": .text(view.workflow.check.script?.command),
        "ScriptParameters": .text(view.workflow.check.script?.parameters),
        "Files": .list(
          (view.workflow.check.files ?? []).map(PointFileConditions.value),
          element: "PointFileConditionApi"
        ),
        "TimeoutInSeconds": .integer(view.workflow.check.timeoutInSeconds),
        "PointCount": .integer(view.pointCount),
        "MostProbes": .integer(PointSearch.mostProbes(of: view.pointCount)),
        "LastGood": .checkpoint(search.lastGood),
        "FirstBad": .checkpoint(search.firstBad),
        "Probing": .checkpoint(view.workflow.probing),
        "Probes": .list(search.probes.map(probe), element: "PointProbeApi"),
        "IsAborted": .bool(view.workflow.isAborted),
        "Summary": .string(view.summary),
      ]
    )
  }

  private static func probe(_ probe: PointSearch.Probe) -> APIValue {
    .object(
      "PointProbeApi",
      [
        "Checkpoint": .checkpoint(probe.checkpoint),
        "HasPassed": .bool(probe.hasPassed),
        "Finding": .string(probe.finding),
        "Began": .date(probe.began),
        "Ended": .date(probe.ended),
      ]
    )
  }
}
