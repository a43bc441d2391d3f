// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Foundation
internal import RESTClient

/// `understudy report`.
package struct ReportCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Show how recoveries went, or save signed reports of them.",
    discussion: "The site that recovers has the reports: log on at its manager.",
    subcommands: [List.self, Show.self, Save.self],
    defaultSubcommand: List.self
  )

  package init() {}

  /// `understudy report list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the recoveries, newest first.")

    @Option(help: "Only those of this VPG, by its name.")
    var vpg: String?

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      let reports = try await manager.call { try await $0.get("/reports/recovery").elements }
      var table = TextTable("BEGAN", "VPG", "WHAT", "RESULT", "RTO", "BY", "REPORT")
      for report in reports {
        let general = report["General"]
        guard vpg == nil || general["VpgName"].text == vpg else { continue }
        table.append(
          general["StartTime"].text ?? "",
          general["VpgName"].text ?? "",
          general["RecoveryType"].text ?? "",
          general["Status"].text ?? "",
          general["RtoInSeconds"].text.map { "\($0) s" } ?? "-",
          general["InitiatedBy"].text ?? "",
          report["RecoveryOperationIdentifier"].text ?? ""
        )
      }
      table.print()
    }
  }

  /// `understudy report show`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one recovery.")

    @Argument(help: "The report, as “list” shows it.")
    var report: String

    @Flag(help: "Print the API's own answer.")
    var json = false

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      let found = try await manager.call {
        try await $0.get("/reports/recovery/\(report)/evidence")
      }
      if json { return try TextTable.print(json: found) }
      ReportCommand.words(found).forEach { print($0) }
    }
  }

  /// `understudy report save`.
  struct Save: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Save a report as a page, with its signature and the site's key.",
      discussion: "The command that is printed shows later, without us, that it is unchanged."
    )

    @Argument(help: "The report, as “list” shows it.")
    var report: String

    @Option(help: "The folder to save in.")
    var to = "."

    @OptionGroup var manager: ManagerLogin

    func run() async throws {
      let files = try await manager.call { client in
        let name = "recovery-\(report.prefix { $0.isLetter || $0.isNumber || $0 == "-" }).html"
        return [
          (name, try await client.bytes("/reports/recovery/\(report)/page")),
          (name + ".sig", try await client.bytes("/reports/recovery/\(report)/signature")),
          ("reports-key.pem", try await client.bytes("/reports/signingkey")),
        ]
      }
      for (name, bytes) in files {
        let file = URL(filePath: to).appending(path: name)
        do { try Data(bytes).write(to: file, options: .atomic) } catch {
          throw UsageError("\(file.path) cannot be written: \(error.localizedDescription)")
        }
      }
      let page = files[0].0
      print("saved \(files.map(\.0).joined(separator: ", ")); to check them there:")
      print(
        "openssl pkeyutl -verify -pubin -inkey reports-key.pem -rawin -in \(page) "
          + "-sigfile \(page).sig"
      )
    }
  }

  // MARK: Words

  /// A report for a person, a line each.
  private static func words(_ report: JSON) -> [String] {
    func seconds(_ value: JSON) -> String { value.number.map { "\($0) s" } ?? "-" }
    func passed(_ flag: JSON) -> String { flag == true ? "ok" : "FAILED" }
    let point = report["Checkpoint"]
    var lines = [
      "\(report["RecoveryType"].text ?? "") of \(report["VpgName"].text ?? "")",
      "  result: \(passed(report["HasSucceeded"])) \(report["Reason"].text ?? "")",
      "  point: \(point["TimeStamp"].text ?? ""), \(point["CheckpointIdentifier"].text ?? "")",
      "  RTO: \(seconds(report["RtoInSeconds"])), RPO: \(seconds(report["RpoInSeconds"]))",
      "  notes: \(report["Notes"].text ?? "")",
    ]
    lines += report["Requests"].elements.map {
      "  \($0["Time"].text ?? "")  \($0["UserName"].text ?? ""): \($0["Description"].text ?? "")"
    }
    lines += report["Steps"].elements.map {
      "  \($0["Began"].text ?? "")  \(passed($0["HasSucceeded"]))  \(seconds($0["Seconds"]))  "
        + "\($0["Description"].text ?? "") \($0["Reason"].text ?? "")"
    }
    lines += report["Verifications"].elements.map {
      "  verified: \($0["Subject"].text ?? ""), \(passed($0["HasPassed"])): "
        + "\($0["Finding"].text ?? "")"
    }
    return lines
  }
}
