// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Rows as text.
struct Table {
  var rows: [Row]

  private static let widths = [34, 12, 12, 11, 8, 16, 3]

  func print(indent: String = "", hasHead: Bool = true) {
    if hasHead {
      say(indent + line(["row", "ours", "peer", "unit", "ratio", "target", "met"]))
    }
    for row in rows {
      let cells = [
        row.name, row.ours.map(Self.figure) ?? "–", row.peer.map(Self.figure) ?? "–", row.unit,
        row.ratio.map { String(format: "%.2f", $0) } ?? "–", row.target, row.met ? "yes" : "NO",
      ]
      say(indent + line(cells))
    }
    guard hasHead else { return }
    let metCount = rows.count { $0.met }
    say("\(indent)\n\(indent)\(metCount) of \(rows.count) targets met")
  }

  private func line(_ cells: [String]) -> String {
    zip(cells, Self.widths).enumerated().map { index, cell in
      let padding = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
      return (1...4).contains(index) && index != 3 ? padding + cell.0 : cell.0 + padding
    }.joined(separator: " ")
  }

  /// A number with as many digits as mean something.
  static func figure(_ value: Double) -> String {
    switch abs(value) {
    case 1000...: String(format: "%.0f", value)
    case 100...: String(format: "%.1f", value)
    default: String(format: "%.3g", value)
    }
  }
}
