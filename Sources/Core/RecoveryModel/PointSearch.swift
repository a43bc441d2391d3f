// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The search for the last point that passes a check, among points in their order: probes in,
/// verdicts out.
///
/// It takes for granted that what once went wrong stays wrong: all points before the one that is
/// looked for pass, and all after it fail. Each probe halves what is open, so that of n points
/// ⌈log₂(n + 1)⌉ are probed at most. The points themselves are not kept: some may go, and new ones
/// come, while the search goes on.
package struct PointSearch: Codable, Sendable, Equatable {
  /// The newest point that is known to pass.
  package private(set) var lastGood: Checkpoint?
  /// The oldest point that is known to fail.
  package private(set) var firstBad: Checkpoint?
  /// In the order they were made.
  package private(set) var probes: [Probe]

  package init() { probes = [] }

  /// One point that was tried.
  package struct Probe: Codable, Sendable, Equatable {
    package var checkpoint: Checkpoint
    package var hasPassed: Bool
    /// What the check found, in words.
    package var finding: String
    package var began: WallTime
    package var ended: WallTime

    package init(
      checkpoint: Checkpoint,
      hasPassed: Bool,
      finding: String,
      began: WallTime,
      ended: WallTime
    ) {
      self.checkpoint = checkpoint
      self.hasPassed = hasPassed
      self.finding = finding
      self.began = began
      self.ended = ended
    }
  }

  /// What is still open of `points`, which are in order.
  package func open(_ points: [Checkpoint]) -> ArraySlice<Checkpoint> {
    let first = lastGood.map { good in
      points.partition { $0.identifier > good.identifier }
    }
    let end = firstBad.map { bad in points.partition { $0.identifier >= bad.identifier } }
    let lower = first ?? points.startIndex
    return points[lower..<max(lower, end ?? points.endIndex)]
  }

  /// The point to probe next, of `points`, which are in order; nil when the search is over.
  package func next(of points: [Checkpoint]) -> Checkpoint? {
    let open = open(points)
    return open.isEmpty ? nil : open[open.startIndex + open.count / 2]
  }

  /// Takes note of a verdict.
  package mutating func note(_ probe: Probe) {
    probes.append(probe)
    if probe.hasPassed { lastGood = probe.checkpoint } else { firstBad = probe.checkpoint }
  }

  /// How many probes `count` points take at most.
  package static func mostProbes(of count: Int) -> Int { Int.bitWidth - count.leadingZeroBitCount }
}

extension [Checkpoint] {
  /// The index of the first element that matches, where all behind it do too.
  fileprivate func partition(by matches: (Checkpoint) -> Bool) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if matches(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
