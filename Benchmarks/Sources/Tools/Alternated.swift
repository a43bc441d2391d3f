// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Figures of two sides that took turns.
struct Alternated<Figure> {
  var ours: [Figure] = []
  var peer: [Figure] = []

  /// Runs both sides `repeats` times; who begins changes, for the second one often fares better.
  init(
    _ repeats: Int,
    ours runOurs: () async throws -> Figure,
    peer runPeer: () async throws -> Figure
  ) async rethrows {
    for turn in 0..<repeats {
      if turn.isMultiple(of: 2) {
        ours.append(try await runOurs())
        peer.append(try await runPeer())
      } else {
        peer.append(try await runPeer())
        ours.append(try await runOurs())
      }
    }
  }
}

extension Array {
  /// The median of one figure of the runs.
  func median(_ figure: (Element) -> Double) -> Double {
    let sorted = map(figure).sorted()
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2
      : sorted[middle]
  }
}
