// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// Tasks as the API shows them.

extension APIValue {
  static func task(_ task: TaskRecord, _ links: Links) -> APIValue {
    .object(
      "TaskApi",
      [
        "TaskIdentifier": .identifier(task.identifier),
        "Type": .string(task.kind.rawValue),
        "InitiatedBy": .string(task.initiatedBy),
        "Started": .date(task.started),
        "Completed": .date(task.completed),
        "CompleteReason": .string(task.completeReason),
        "IsCancellable": .bool(task.isCancellable),
        "Generation": .integer(task.generation),
        "Status": .object(
          "TaskStatusApi",
          [
            "State": APIEnumerations.taskState.value(task.state.rawValue),
            "Progress": .integer(task.progress),
          ]
        ),
        "RelatedEntities": .object(
          "TaskRelatedEntitiesApi",
          [
            "Vpgs": .list(task.vpgs.map(links.vpg), element: "ResourceLink"),
            "Sites": .list(task.sites.map(links.site), element: "ResourceLink"),
            "Hosts": .list(
              task.hosts.map {
                links.link(
                  "HostNativeApi",
                  "virtualizationsites/\(links.localSite)/hosts",
                  $0.rawValue
                )
              },
              element: "ResourceLink"
            ),
            "FlrSessions": .list([], element: "ResourceLink"),
          ]
        ),
        "Link": links.link("TaskApi", "tasks", task.identifier.rawValue),
      ]
    )
  }
}
