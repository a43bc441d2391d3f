// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

struct BandwidthScheduleTests {
  static let schedule = BandwidthSchedule(
    limit: nil,
    periods: [
      .init(days: [1, 2, 3, 4, 5], from: 8 * 60, to: 18 * 60, limit: 1_000_000),
      .init(days: [5, 7], from: 22 * 60, to: 6 * 60, limit: 5_000_000),
    ]
  )

  @Test(
    arguments: [
      (1, 479, nil), (1, 480, 1_000_000), (5, 1079, 1_000_000), (5, 1080, nil),
      (5, 1319, nil), (5, 1320, 5_000_000), (6, 0, 5_000_000), (6, 359, 5_000_000), (6, 360, nil),
      (6, 1380, nil), (7, 1439, 5_000_000), (1, 300, 5_000_000), (2, 300, nil),
    ] as [(Int, Int, UInt64?)]
  )
  func `the limit changes at its minute, also over midnight`(
    day: Int,
    minute: Int,
    limit: UInt64?
  ) {
    #expect(Self.schedule.limit(at: .init(day: day, minute: minute)) == limit)
  }

  @Test(arguments: [
    (Int64(0), 0, 4, 0), (-1, 0, 3, 1439), (1_763_900_000_000, 0, 7, 733),
    (1_763_900_000_000, -46_800, 6, 1393), (1_763_900_000_000, 43_200, 1, 13),
  ])
  func `an instant has the day and minute of the place`(
    time: Int64,
    offset: Int,
    day: Int,
    minute: Int
  ) {
    let moment = BandwidthSchedule.Moment(WallTime(milliseconds: time), secondsFromGMT: offset)
    #expect(moment == .init(day: day, minute: minute))
  }

  @Test(arguments: [
    "mon,tue,wed,thu,fri 08:00-18:00 2.5", "sun 22:30-06:00 unlimited", "sat 00:00-24:00 0.125",
  ])
  func `a period is read as it is written`(text: String) {
    #expect(BandwidthSchedule.Period(text: text)?.description == text)
  }

  @Test func `days may be named from the first to the last`() {
    #expect(BandwidthSchedule.Period(text: "Sat-mon 1:00-2:00 1")?.days == [6, 7, 1])
    #expect(BandwidthSchedule.Period(text: "tue-thu,sun 1:00-2:00 1")?.days == [2, 3, 4, 7])
  }

  @Test(arguments: [
    "", "mon 08:00-18:00", "day 08:00-18:00 1", "mon- 08:00-18:00 1", "mon 08:00 1",
    "mon 08:60-18:00 1", "mon 24:01-18:00 1", "mon 24:00-18:00 1", "mon 08:00-18:00 0",
    "mon 08:00-18:00 -1", "mon 08:00-18:00 x", "mon-tue-wed 08:00-18:00 1",
  ])
  func `what is no period is not taken for one`(text: String) {
    #expect(BandwidthSchedule.Period(text: text) == nil)
  }

  @Test func `a schedule that cannot be kept is told`() {
    #expect(Self.schedule.isValid)
    #expect(!BandwidthSchedule(limit: 0).isValid)
    for period in [
      BandwidthSchedule.Period(days: [], from: 0, to: 1, limit: 1),
      .init(days: [8], from: 0, to: 1, limit: 1),
      .init(days: [1], from: 1440, to: 1, limit: 1),
      .init(days: [1], from: 0, to: 1441, limit: 1),
      .init(days: [1], from: 0, to: 1, limit: 0),
    ] {
      #expect(!BandwidthSchedule(periods: [period]).isValid)
    }
  }
}

struct BandwidthDivisionTests {
  static func shares(_ demands: [Double], weights: [Double]? = nil) -> [Double] {
    let wishes = demands.enumerated().map { index, demand in
      BandwidthDivision.Wish(demand: demand, weight: weights?[index] ?? 1)
    }
    return BandwidthDivision.shares(of: 100, for: wishes)
  }

  @Test func `who wants little gets it and the rest goes to who wants much`() {
    let shares = Self.shares([10, 1000, 1000])
    #expect(abs(shares[0] - 0.1) < 0.01)
    #expect(abs(shares[1] - 0.45) < 0.01)
    #expect(abs(shares[1] - shares[2]) < 1e-6)
  }

  @Test func `wishes that are too many count by weight`() {
    let shares = Self.shares([1000, 1000], weights: [1, 3])
    #expect(abs(shares[1] / shares[0] - 3) < 0.25)
  }

  @Test(arguments: [[0, 0, 0], [1, 0, 99], [500, 0, 0], [3, 3, 3], [1e9, 1e9, 1]])
  func `everything is given out and nobody gets nothing`(demands: [Double]) {
    let shares = Self.shares(demands)
    #expect(abs(shares.reduce(0, +) - 1) < 1e-6)
    #expect(shares.allSatisfy { $0 > 0.01 })
  }
}
