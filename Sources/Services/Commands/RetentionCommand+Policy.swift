// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

extension RetentionCommand {
  /// `understudy retention policy`.
  struct Policy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have a VPG's checkpoints copied by a schedule, and the copies deleted when old.",
      discussion: """
        Spans are a number and d, w, m or y, such as 7d. Weekly, monthly and yearly rules name a \
        day before it: sunday:4w, last:12m or 15:12m, march-31:7y. The time is that of the \
        recovery site. What is given is the whole policy; --off ends it.
        """
    )

    @OptionGroup var target: VPGCommand.Target
    @OptionGroup var manager: ManagerLogin
    @OptionGroup var watch: TaskWatch

    @Option(help: "The identifier of the recovery site's repository, as “repositories” shows it.")
    var repository: String?

    @Option(name: .customLong("at"), help: "The time of day, such as 02:30.")
    var time = "00:00"

    @Option(help: "How long each day's copy is kept.")
    var daily: String?

    @Option(help: "A day of the week, and how long its copy is kept.")
    var weekly: String?

    @Option(help: "A day of the month or “last”, and how long its copy is kept.")
    var monthly: String?

    @Option(help: "A day of the year, and how long its copy is kept.")
    var yearly: String?

    @Option(help: "How often a copy that fails is tried again, every ten minutes.")
    var retries = 3

    @Flag(help: "No copies by a schedule any more; sets stay until they are old.")
    var off = false

    func validate() throws {
      guard off || repository != nil else { throw ValidationError("Name a --repository.") }
      _ = try body()
    }

    func run() async throws {
      let body = try body()
      try await manager.call { client in
        let vpg = try await target.find(client)
        let settings = try await client.begin(
          "/vpgSettings",
          ["VpgIdentifier": vpg["VpgIdentifier"]]
        )
        let path = "/vpgSettings/\(settings)"
        do {
          try await client.delete(path + "/backup")
          try await client.delete(path + "/ltr")
          if !off { try await client.put(path + "/ltr", body) }
          try await watch.follow(try await client.begin(path + "/commit"), of: client)
        } catch {
          // Settings that nobody commits would end with the session.
          _ = try? await client.delete(path)
          throw error
        }
      }
    }

    private func body() throws -> JSON {
      var rules: JSON = [:]
      if let daily { rules["Daily"] = try Self.rule(span: daily) }
      if let weekly {
        let (day, span) = try Self.parts(weekly)
        rules["Weekly"] = try Self.rule(span: span)
        rules["Weekly"]["DayOfWeek"] = .text(day)
      }
      if let monthly {
        let (day, span) = try Self.parts(monthly)
        rules["Monthly"] = try Self.rule(span: span)
        rules["Monthly"]["DayOfMonth"] = .text(day)
      }
      if let yearly {
        let (date, span) = try Self.parts(yearly)
        let parts = date.split(separator: "-")
        guard parts.count == 2 else {
          throw ValidationError("“\(date)” is no day of a year, such as march-31.")
        }
        rules["Yearly"] = try Self.rule(span: span)
        rules["Yearly"]["MonthOfYear"] = .text(String(parts[0]))
        rules["Yearly"]["DayOfMonth"] = .text(String(parts[1]))
      }
      return [
        "Enabled": .bool(true), "RepositoryIdentifier": .text(repository ?? ""),
        "RetentionRunTime": .text(time), "SchedulerPolicy": rules,
        "Retry": [
          "Enabled": .bool(retries > 0), "Number": .number(Double(max(1, retries))),
          "IntervalInMinutes": .number(10),
        ],
      ]
    }

    private static func parts(_ text: String) throws -> (day: String, span: String) {
      let parts = text.split(separator: ":").map(String.init)
      guard parts.count == 2 else {
        throw ValidationError("“\(text)” is no day and span, such as sunday:4w.")
      }
      return (parts[0], parts[1])
    }

    private static func rule(span: String) throws -> JSON {
      let units: [Character: String] = ["d": "Days", "w": "Weeks", "m": "Months", "y": "Years"]
      guard let count = Int(span.dropLast()), let unit = span.last.flatMap({ units[$0] }) else {
        throw ValidationError("“\(span)” is no span, such as 7d, 4w, 12m or 7y.")
      }
      return [
        "Enabled": .bool(true),
        "RetentionDuration": ["Count": .number(Double(count)), "DurationType": .text(unit)],
      ]
    }
  }
}
