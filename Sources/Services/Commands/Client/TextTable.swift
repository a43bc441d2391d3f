// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RESTClient

/// What commands print: columns that line up, or the API's own JSON.
struct TextTable {
  private var rows: [[String]]

  /// A table with these headings.
  init(_ headings: String...) { rows = [headings] }

  mutating func append(_ cells: String...) { rows.append(cells) }

  /// A line per row; the last column is not filled up.
  var lines: [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, cell in
        column == row.count - 1
          ? cell : cell.padding(toLength: widths[column], withPad: " ", startingAt: 0)
      }.joined(separator: "  ")
    }
  }

  func print() { lines.forEach { Swift.print($0) } }

  /// Prints an answer of the API as it came.
  static func print(json answer: JSON) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    Swift.print(String(decoding: try encoder.encode(answer), as: UTF8.self))
  }
}
