// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/tasks`: work that runs or has run.
enum Tasks: Resource {
  static let root = "tasks"
  static let interface = "ITasksService"

  static var routes: [Route] {
    ([
      Route(
        .get,
        "tasks",
        "The tasks of this site, and of its peers those about VPGs of both.",
        answer: list
      )
    ] + one).confined(.byAnswer) + types.confined(.harmless)
  }

  private static var types: [Route] {
    [
      Route(.get, "tasks/types", "The kinds of tasks, by number.") { _ in
        .value(APIEnumerations.taskType.listing)
      }
    ]
  }

  private static var one: [Route] {
    [
      Route(.get, "tasks/{taskIdentifier}", "One task, of this site or a paired one.") { call in
        let task = try await call.site.task(TaskIdentifier(call.parameter("taskIdentifier")))
        guard APICall.sees(task.vpgs, try await call.visibleVPGs()) else {
          throw SiteError.notFound("There is no task \(task.identifier).")
        }
        return .value(.task(task, call.links()))
      }
    ]
  }

  private static func list(_ call: APICall) async throws -> APIResponse {
    let query = call.query
    let kind = try kind(query)
    let state = try query.number("status", of: APIEnumerations.taskState)
    let startedBefore = try query.date("startedBeforeDate")
    let startedAfter = try query.date("startedAfterDate")
    let completedBefore = try query.date("completedBeforeDate")
    let completedAfter = try query.date("completedAfterDate")
    let visible = try await call.visibleVPGs()
    let tasks = try await call.site.tasks().filter { task in
      APICall.sees(task.vpgs, visible)
        && kind?.isSame(as: task.kind.rawValue) ?? true
        && state ?? task.state.rawValue == task.state.rawValue
        && startedBefore.map { task.started <= $0 } ?? true
        && startedAfter.map { task.started >= $0 } ?? true
        && isWithin(task.completed, completedAfter, completedBefore)
    }
    let links = call.links()
    return .list(tasks.map { .task($0, links) }, of: "TaskApi")
  }

  /// What the kind to list is called; tasks have kinds that the listing of kinds has not.
  private static func kind(_ query: APIQuery) throws(APIError) -> String? {
    if let name = query.text("type"),
      TaskRecord.Kind.allCases.contains(where: { name.isSame(as: $0.rawValue) })
    {
      return name
    }
    return try query.number("type", of: APIEnumerations.taskType)
      .map(APIEnumerations.taskType.name(of:))
  }

  /// A task that is not complete is in no period.
  private static func isWithin(
    _ time: WallTime?,
    _ start: WallTime?,
    _ end: WallTime?
  ) -> Bool {
    guard start != nil || end != nil else { return true }
    guard let time else { return false }
    return start.map { time >= $0 } ?? true && end.map { time <= $0 } ?? true
  }
}
