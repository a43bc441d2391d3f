// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// How a site's limit is divided between its appliances.
///
/// What must hold: the shares together are 1; nobody who can use its part by weight gets less
/// because others want more; what nobody wants is given out too, so that a new wish need not wait
/// for the next division.
package enum BandwidthDivision {
  /// What one appliance could use.
  package struct Wish: Hashable, Sendable {
    /// Bytes per second.
    package var demand: Double
    /// The weights of its streams together.
    package var weight: Double

    package init(demand: Double, weight: Double) {
      self.demand = demand
      self.weight = weight
    }
  }

  /// The least part of the limit that any appliance gets, of an even share.
  private static let leastPart = 0.05

  /// Divides a limit of some bytes per second.
  ///
  /// - Returns: A share for each wish, in order, each above 0 and 1 together.
  package static func shares(of limit: Double, for wishes: [Wish]) -> [Double] {
    guard !wishes.isEmpty else { return [] }
    let even = 1 / Double(wishes.count)
    var given = wishes.map { _ in even * leastPart }
    var rest = 1 - leastPart
    // Demands above the least part, as parts of the limit.
    var wanted = wishes.map { max(0, $0.demand / max(limit, 1) - even * leastPart) }
    while rest > 1e-9 {
      let hungry = wanted.indices.filter { wanted[$0] > 1e-9 }
      guard !hungry.isEmpty else { break }
      let weights = hungry.reduce(0) { $0 + max(wishes[$1].weight, 1e-3) }
      var used = 0.0
      for index in hungry {
        let part = min(wanted[index], rest * max(wishes[index].weight, 1e-3) / weights)
        given[index] += part
        wanted[index] -= part
        used += part
      }
      rest -= used
    }
    return given.map { $0 + max(rest, 0) * even }
  }
}
