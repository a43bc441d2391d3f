// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The sizes of batches that are not acknowledged yet, oldest first.
struct FlightLog {
  private var flights: [(last: SequenceNumber, byteCount: Int)] = []
  private var landed = 0
  private(set) var byteCount = 0

  mutating func depart(last: SequenceNumber, byteCount count: Int) {
    flights.append((last, count))
    byteCount += count
  }

  mutating func land(through sequence: SequenceNumber) {
    while landed < flights.count, flights[landed].last <= sequence {
      byteCount -= flights[landed].byteCount
      landed += 1
    }
    if landed == flights.count || landed > 1024 {
      flights.removeFirst(landed)
      landed = 0
    }
  }
}
