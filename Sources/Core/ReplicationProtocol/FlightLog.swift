// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// The sizes of batches that are not acknowledged yet, oldest first.
package struct FlightLog {
  private var flights: [(last: SequenceNumber, byteCount: Int)] = []
  private var landed = 0
  package private(set) var byteCount = 0

  package init() {}

  package mutating func depart(last: SequenceNumber, byteCount count: Int) {
    flights.append((last, count))
    byteCount += count
  }

  /// - Returns: The bytes that were acknowledged by this.
  @discardableResult
  package mutating func land(through sequence: SequenceNumber) -> Int {
    let before = byteCount
    while landed < flights.count, flights[landed].last <= sequence {
      byteCount -= flights[landed].byteCount
      landed += 1
    }
    if landed == flights.count || landed > 1024 {
      flights.removeFirst(landed)
      landed = 0
    }
    return before - byteCount
  }
}
