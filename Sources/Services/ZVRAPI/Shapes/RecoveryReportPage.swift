// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// A recovery's report as a page to print and to file: one file that needs no other.
///
/// The same report makes the same bytes, at any time and address, because the bytes are signed.
struct RecoveryReportPage {
  let report: RecoveryReport

  /// The page.
  var html: String {
    """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>\(text(title))</title><style>\(Self.style)</style></head><body>
    <header><p>Recovery report</p><h1>\(text(title))</h1>
    <p class="\(report.failure.isEmpty ? "good" : "bad")">\(text(outcome))</p></header>
    \(section("What was recovered", table(facts)))
    \(section("What was achieved", table(achievements)))
    \(section("Who asked for it", requests))
    \(section("What was verified", verifications))
    \(section("Virtual machines", machines))
    \(section("Steps", steps))
    \(section("Checking this file", Self.check))
    </body></html>

    """
  }

  private var title: String {
    let kind =
      switch report.kind {
      case .failover: "Failover"
      case .failoverTest: "Failover test"
      case .move: "Move"
      }
    return "\(kind) of \(report.vpgName), \(Self.time(report.began))"
  }

  private var outcome: String {
    report.failure.isEmpty ? "Succeeded" : "Failed: \(report.failure)"
  }

  private var facts: [(String, String)] {
    [
      ("VPG", "\(report.vpgName) (\(report.vpg))"),
      ("Protected site", report.protectedSiteName),
      ("Recovery site", report.recoverySiteName),
      (
        "Point",
        "\(Self.time(report.checkpoint.time)), checkpoint \(report.checkpoint.identifier)"
          + (report.checkpoint.tag.isEmpty ? "" : ", “\(report.checkpoint.tag)”")
      ),
      ("Asked for", Self.time(report.began)),
      ("All VMs running", report.recovered.map(Self.time) ?? "never"),
      ("Over", Self.time(report.ended)),
      ("Notes", report.notes.isEmpty ? "none" : report.notes),
      ("Operation", report.identifier),
    ]
  }

  private var achievements: [(String, String)] {
    [
      (
        "Recovery time (RTO)",
        report.rtoInSeconds.map {
          "\(Self.seconds($0)) from the request until the hypervisor had started all VMs"
        } ?? "none: not all VMs were started"
      ),
      (
        "Recovery point (RPO)",
        report.rpoInSeconds.map { seconds in
          report.kind == .move
            ? "0 s: the VMs were off when the point was made"
            : "\(Self.seconds(seconds)): the point's age when the recovery was asked for, by the "
              + "clocks of both sites"
        } ?? "not known"
      ),
    ]
  }

  private var requests: String {
    guard let requests = report.requests, !requests.isEmpty else {
      return "<p>By \(text(report.user)). Nothing more was written down.</p>"
    }
    return rows(
      ["Time", "User", "What"],
      requests.map { [Self.time($0.time), $0.user, $0.description] }
    )
  }

  private var verifications: String {
    let found = report.verifications ?? []
    let list = rows(
      ["Time", "What", "Result", "How, and what was found"],
      found.map {
        [Self.time($0.time), $0.subject, $0.hasPassed ? "passed" : "failed", $0.finding]
      }
    )
    return (found.isEmpty ? "<p>Nothing was verified.</p>" : list)
      + "<p>Nothing else was verified. In particular the content of the recovered disks was not "
      + "compared with that of the protected ones.</p>"
  }

  private var machines: String {
    rows(
      ["VM", "Host", "Datastore", "Networks", "Disks"],
      report.machines.map { machine in
        [
          machine.name, machine.hostName, machine.datastoreName,
          machine.networkNames.joined(separator: ", "),
          machine.volumes.map { "\($0.name) on \($0.datastoreName)" }.joined(separator: ", "),
        ]
      }
    )
  }

  private var steps: String {
    rows(
      ["Began", "Took", "Step", "Result"],
      report.steps.map { step in
        [
          Self.time(step.began), Self.seconds(max(0, step.ended.seconds(since: step.began))),
          step.description, step.failure.isEmpty ? "done" : "failed: \(step.failure)",
        ]
      }
    )
  }

  // MARK: Parts

  private func section(_ heading: String, _ body: String) -> String {
    "<section><h2>\(heading)</h2>\(body)</section>"
  }

  private func table(_ facts: [(String, String)]) -> String {
    "<table>" + facts.map { "<tr><th>\(text($0.0))</th><td>\(text($0.1))</td></tr>\n" }.joined()
      + "</table>"
  }

  private func rows(_ headings: [String], _ rows: [[String]]) -> String {
    let head = headings.map { "<th>\(text($0))</th>" }.joined()
    let body = rows.map { row in
      "<tr>" + row.map { "<td>\(text($0))</td>" }.joined() + "</tr>\n"
    }
    return "<table><thead><tr>\(head)</tr></thead><tbody>\(body.joined())</tbody></table>"
  }

  private func text(_ text: String) -> String { HTMLWriter.escaped(text) }

  /// `2024-05-06 07:08:09.123 UTC`.
  private static func time(_ time: WallTime) -> String {
    APIDate.text(of: time).replacing("T", with: " ").replacing("Z", with: " UTC")
  }

  /// To the millisecond, which is what is measured.
  private static func seconds(_ seconds: Double) -> String {
    let milliseconds = seconds.isFinite ? Int64(seconds.clamped(to: -9e12...9e12) * 1000 + 0.5) : 0
    let rest = String(milliseconds % 1000 + 1000).dropFirst()
    return "\(milliseconds / 1000).\(rest) s"
  }

  /// The command that docs/operating/reports.md tells of.
  private static let check = """
    <p>This file is signed by the recovery site (Ed25519). Keep its signature, a file of 64 bytes \
    that the manager gives beside it, and the site's public key. Whether the file is unchanged is \
    shown without the manager, by OpenSSL 3:</p>
    <pre>openssl pkeyutl -verify -pubin -inkey reports-key.pem -rawin -in REPORT.html \
    -sigfile REPORT.html.sig</pre>
    <p class="screen">At the manager: <a href="/v1/reports/signingkey">the public key</a>, <a \
    href="/v1/reports/signingcertificate">its certificate</a>.</p>
    """

  private static let style = """

    body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; \
    max-width: 62em; margin: 2em auto; padding: 0 1.5em }
    header p { margin: 0; color: #555 } h1 { font-size: 1.5em; margin: .1em 0 .4em }
    h2 { font-size: 1.1em; border-bottom: 1px solid #bbb; margin: 1.6em 0 .5em }
    table { border-collapse: collapse; width: 100% }
    th, td { text-align: left; vertical-align: top; padding: .3em .6em .3em 0; \
    border-bottom: 1px solid #e4e4e4; overflow-wrap: anywhere }
    th { font-weight: 600; min-width: 7em } thead th { color: #555 }
    header .good, header .bad { display: inline-block; padding: .2em .7em; border: 1px solid }
    header .good { color: #145c24 } header .bad { color: #9c1c1c }
    pre { font: 13px/1.4 ui-monospace, monospace; background: #f6f6f6; padding: .6em; \
    white-space: pre-wrap }
    @page { size: A4; margin: 18mm }
    @media print { body { font-size: 10pt; max-width: none; margin: 0; padding: 0 } \
    .screen { display: none } thead { display: table-header-group } tr { break-inside: avoid } \
    h2 { break-after: avoid } }

    """
}

extension Comparable {
  fileprivate func clamped(to range: ClosedRange<Self>) -> Self {
    min(max(self, range.lowerBound), range.upperBound)
  }
}
