// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import RESTClient

/// `understudy event`.
package struct EventCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "event",
    abstract: "Show what happened, oldest first."
  )

  @Option(help: "In the last so many hours.")
  var hours = 24.0

  @Option(help: "Only what is of this VPG, by its name.")
  var vpg: String?

  @OptionGroup var manager: ManagerLogin

  package init() {}

  package func validate() throws {
    guard hours > 0 else { throw ValidationError("--hours is more than 0.") }
  }

  package func run() async throws {
    let since = Date(timeIntervalSinceNow: -hours * 3600).formatted(.iso8601)
    let events = try await manager.call { try await $0.get("/events?startDate=\(since)").elements }
      .filter { event in
        vpg == nil || event["Vpgs"].elements.contains { $0["VpgName"].text == vpg }
      }
    var table = TextTable("TIME", "USER", "VPG", "EVENT")
    let oldestFirst = events.sorted {
      ($0["OccurredOn"].text ?? "") < ($1["OccurredOn"].text ?? "")
    }
    for event in oldestFirst {
      table.append(
        event["OccurredOn"].text ?? "",
        event["UserName"].text ?? "",
        event["Vpgs"].elements.map(Self.name).joined(separator: ", "),
        event["Description"].text ?? ""
      )
    }
    table.print()
  }

  /// What people call a VPG of an event: one that is no longer there has no name there.
  private static func name(_ vpg: JSON) -> String {
    guard let name = vpg["VpgName"].text, !name.isEmpty else { return "(deleted)" }
    return name
  }
}

/// `understudy task`.
package struct TaskCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "task",
    abstract: "Show the tasks of the manager, or wait for one.",
    subcommands: [List.self, Wait.self],
    defaultSubcommand: List.self
  )

  package init() {}

  /// `understudy task list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the tasks.")

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      let tasks = try await manager.call { try await $0.get("/tasks").elements }
      var table = TextTable("STARTED", "TASK", "WHAT", "PROGRESS", "REASON")
      for task in tasks.sorted(by: { ($0["Started"].text ?? "") < ($1["Started"].text ?? "") }) {
        table.append(
          task["Started"].text ?? "",
          task["TaskIdentifier"].text ?? "",
          task["Type"].text ?? "",
          "\(task["Status"]["Progress"].int ?? 0) %",
          task["CompleteReason"].text ?? ""
        )
      }
      table.print()
    }
  }

  /// `understudy task wait`.
  struct Wait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Wait for a task's end.")

    @Argument(help: "The task's identifier.")
    var task: String

    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    func run() async throws {
      try await manager.call { try await watch.follow(task, of: $0) }
    }
  }
}

/// `understudy alert`.
package struct AlertCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "alert",
    abstract: "Show what needs attention, or dismiss it.",
    subcommands: [List.self, Dismiss.self, Undismiss.self],
    defaultSubcommand: List.self
  )

  package init() {}

  /// `understudy alert list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the alerts.")

    @OptionGroup var manager: ManagerLogin

    @Flag(help: "Those that were dismissed too.")
    var all = false

    func run() async throws {
      let alerts = try await manager.call { try await $0.get("/alerts").elements }
      var table = TextTable("SINCE", "LEVEL", "ALERT", "WHAT")
      for alert in alerts where all || alert["IsDismissed"] != true {
        table.append(
          alert["TurnedOn"].text ?? "",
          alert["Level"].text ?? "",
          alert["Link"]["identifier"].text ?? "",
          alert["Description"].text ?? ""
        )
      }
      table.print()
    }
  }

  /// `understudy alert dismiss`.
  struct Dismiss: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Dismiss an alert.")

    @Argument(help: "The alert's identifier.")
    var alert: String

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      _ = try await manager.call { try await $0.post("/alerts/\(alert)/dismiss") }
    }
  }

  /// `understudy alert undismiss`.
  struct Undismiss: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show a dismissed alert again.")

    @Argument(help: "The alert's identifier.")
    var alert: String

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      _ = try await manager.call { try await $0.post("/alerts/\(alert)/undismiss") }
    }
  }
}
