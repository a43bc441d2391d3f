// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import ZVRAPI

/// The page `docs/feature-status.md`, made from a conformance run.
struct FeatureStatus {
  let run: ConformanceRun

  /// Where the page lies.
  static var file: URL {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../../docs/feature-status.md").standardized
  }

  var page: String {
    let states = run.states.map(\.state)
    func count(_ state: ConformanceRun.State) -> Int { states.count { $0 == state } }
    let rows = run.states.map { operation, state in
      "| \(operation["method"]?.readText ?? "") `\(operation["path"]?.readText ?? "")` "
        + "| \(operation["tier"]?.readText ?? "") | \(Self.words(state)) |"
    }
    return """
      # Feature status

      Every call of the REST API and what Understudy does with it, as JSON and as XML. This page is
      made by `scripts/feature-status` from the conformance run; a test checks that it is true.

      Of \(states.count) calls:

      - \(count(.served)) are served,
      - \(count(.nothingThere)) are served, and there is nothing of their kind yet,
      - \(count(.refused)) check what they are sent and then refuse it with a reason,
      - \(count(.missing)) are not there and answer 404 or 405.

      | Call | Tier | State |
      | --- | --- | --- |
      \(rows.joined(separator: "\n"))

      """
  }

  private static func words(_ state: ConformanceRun.State) -> String {
    switch state {
    case .served: "served"
    case .refused: "checked, refused"
    case .nothingThere: "served, nothing there"
    case .missing: "not yet"
    }
  }
}
