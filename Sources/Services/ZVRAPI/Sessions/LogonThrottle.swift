// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Slows down guessing of passwords: after failures, logons with that name from that place wait,
/// longer each time, and one after the other. Nobody else waits.
actor LogonThrottle {
  /// A name tried from a place.
  struct Suspect: Hashable, Sendable {
    let user: String
    let source: String
  }

  private struct Record {
    var failures: Int
    var notBefore: ContinuousClock.Instant
  }

  /// Records kept; beyond this the ones that expired first go.
  private static let limit = 10_000
  private static let memory = Duration.seconds(15 * 60)
  private static let longest = Duration.seconds(30)

  private var records: [Suspect: Record] = [:]
  private let base: Duration
  private let now: @Sendable () -> ContinuousClock.Instant

  /// `base`: The wait after the second failure; it doubles with each further one.
  init(
    base: Duration = .milliseconds(500),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.base = base
    self.now = now
  }

  /// How long a logon has to wait before it is looked at; nil if too many wait already.
  func wait(for suspect: Suspect) -> Duration? {
    let now = now()
    guard let record = records[suspect] else { return .zero }
    let wait = max(.zero, now.duration(to: record.notBefore))
    guard wait <= Self.longest else { return nil }
    records[suspect]?.notBefore = now + wait + penalty(record.failures)
    return wait
  }

  func failed(_ suspect: Suspect) {
    let now = now()
    if records.count >= Self.limit { forgetOld(now) }
    var record = records[suspect] ?? Record(failures: 0, notBefore: now)
    record.failures += 1
    record.notBefore = max(record.notBefore, now + penalty(record.failures))
    records[suspect] = record
  }

  func succeeded(_ suspect: Suspect) { records[suspect] = nil }

  /// A slip of the fingers costs nothing.
  private func penalty(_ failures: Int) -> Duration {
    failures < 2 ? .zero : min(base * (1 << min(failures - 2, 5)), .seconds(10))
  }

  private func forgetOld(_ now: ContinuousClock.Instant) {
    records = records.filter { $0.value.notBefore.duration(to: now) < Self.memory }
    if records.count >= Self.limit,
      let first = records.min(by: { $0.value.notBefore < $1.value.notBefore })
    {
      records[first.key] = nil
    }
  }
}
