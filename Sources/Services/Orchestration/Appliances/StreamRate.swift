// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Rates of a stream, from the totals its appliance reports.
package struct StreamRate: Sendable {
  /// Averages per second.
  package struct Rate: Sendable, Equatable {
    package var writes = 0.0
    package var bytes = 0.0
    package var sentBytes = 0.0

    package init() {}
  }

  private struct Sample {
    var writeCount: UInt64
    var byteCount: UInt64
    var sentByteCount: UInt64
    var time: ContinuousClock.Instant
  }

  private var base: Sample?
  package private(set) var current = Rate()

  package init() {}

  /// Takes in totals.
  ///
  /// Totals that fell are those of a new process: they begin a new measurement.
  package mutating func note(
    writeCount: UInt64,
    byteCount: UInt64,
    sentByteCount: UInt64,
    at time: ContinuousClock.Instant
  ) {
    let sample = Sample(
      writeCount: writeCount,
      byteCount: byteCount,
      sentByteCount: sentByteCount,
      time: time
    )
    guard let base, writeCount >= base.writeCount, byteCount >= base.byteCount,
      sentByteCount >= base.sentByteCount
    else {
      base = sample
      current = Rate()
      return
    }
    let elapsed = (time - base.time) / .seconds(1)
    guard elapsed >= 1 else { return }
    current.writes = Double(writeCount - base.writeCount) / elapsed
    current.bytes = Double(byteCount - base.byteCount) / elapsed
    current.sentBytes = Double(sentByteCount - base.sentByteCount) / elapsed
    self.base = sample
  }
}
