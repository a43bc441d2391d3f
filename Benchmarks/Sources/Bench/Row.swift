// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One line of the table.
struct Row: Codable {
  var name: String
  /// Nil if it could not be measured.
  var ours: Double?
  /// Nil if there is nothing to compare with, and the target is a bound of ours.
  var peer: Double?
  var unit: String
  /// Ours by the peer's, or by the bound.
  var ratio: Double?
  /// Such as `≥ 1.5`, of the ratio, or `≤ 3 s`, of ours.
  var target: String
  var met: Bool

  /// What a row was to reach.
  enum Target {
    case atLeast(Double)
    case atMost(Double)

    func isMet(by ratio: Double) -> Bool {
      switch self {
      case .atLeast(let bound): ratio >= bound
      case .atMost(let bound): ratio <= bound
      }
    }

    var text: String {
      switch self {
      case .atLeast(let bound): "≥ \(bound)"
      case .atMost(let bound): "≤ \(bound)"
      }
    }
  }

  /// A row beside a peer's.
  init(_ name: String, ours: Double, peer: Double, unit: String, _ target: Target) {
    let ratio = ours / peer
    self.name = name
    self.ours = ours
    self.peer = peer
    self.unit = unit
    self.ratio = ratio
    self.target = target.text
    met = target.isMet(by: ratio)
  }

  /// A row with a bound of its own and no peer: ours must not exceed it.
  init(_ name: String, ours: Double, unit: String, atMost bound: Double) {
    self.name = name
    self.ours = ours
    peer = nil
    self.unit = unit
    ratio = ours / bound
    target = "≤ \(Table.figure(bound)) \(unit)"
    met = ours <= bound
  }

  private init(failed name: String) {
    self.name = name
    unit = ""
    target = "not measured"
    met = false
  }

  static func failed(_ name: String) -> Row { Row(failed: name) }

  /// Every member is there, also one that is null.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(Self.rounded(ours), forKey: .ours)
    try container.encode(Self.rounded(peer), forKey: .peer)
    try container.encode(unit, forKey: .unit)
    try container.encode(Self.rounded(ratio), forKey: .ratio)
    try container.encode(target, forKey: .target)
    try container.encode(met, forKey: .met)
  }

  /// To four digits; more would be noise.
  private static func rounded(_ value: Double?) -> Decimal? {
    value.flatMap { Decimal(string: String(format: "%.4g", $0)) }
  }
}

/// `Benchmarks/results.json`.
struct Results {
  var path: String

  /// Writes the rows; those of other benchmarks stay unless all were measured.
  func write(_ rows: [Row], replacingAll: Bool) throws {
    var kept: [Row] = []
    if !replacingAll, let old = FileManager.default.contents(atPath: path) {
      kept = (try? JSONDecoder().decode([Row].self, from: old)) ?? []
    }
    for row in rows {
      if let place = kept.firstIndex(where: { $0.name == row.name }) {
        kept[place] = row
      } else {
        kept.append(row)
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .withoutEscapingSlashes]
    try (encoder.encode(kept) + Data("\n".utf8)).write(to: URL(filePath: path))
  }
}
