// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// How a connection waits for requests: by looking a few times, by napping, or asleep until it is
/// woken.
///
/// Nobody has to wake who naps: a client with many requests in flight goes on sending meanwhile,
/// and what it sent is received and answered together. One with few in flight would be kept
/// waiting, so a longer nap, now and then, finds out how many there are.
///
/// Without a clock: who receives says what happened. Nothing here changes what is answered or in
/// which order, only when.
struct ReceivingPace {
  /// How long to look before sleeping: about what sleeping and being woken cost.
  static let lookNanoseconds: UInt64 = 3_000
  /// How long a nap is: time for a few requests, and little beside what one waits among many.
  static let napNanoseconds: UInt = 50_000
  /// How long a nap is that finds out how many requests are in flight.
  static let probeNanoseconds: UInt = 150_000
  /// How much longer a nap may last, for the kernel to end several sleeps at once.
  static let timerSlackNanoseconds: UInt = 1_000
  /// How many requests in flight are many: about twice what comes during a nap.
  static let manyInFlight = 17
  /// The fewest requests that make a nap worth its time.
  static let fewestInNap = 6
  /// How many requests pass between two probes; twice as many after each one that found few in
  /// flight, so that they cost nothing that shows.
  static let probeDistances = 1024...16384

  private enum Naps { case none, probing, regular }

  /// Whether the client sent something soon after it was waited for: then more is likely to be
  /// there, and looking costs less than to sleep and be woken.
  private var isBusy = false
  private var naps = Naps.none
  /// Requests since the nap before.
  private var countSinceNap = 0
  /// Requests since the probe before.
  private var countSinceProbe = 0
  /// Requests between that probe and the next one.
  private var probeDistance = probeDistances.lowerBound

  /// Whether to receive once more before the replies leave.
  var expectsMore: Bool { isBusy || naps != .none }

  mutating func tookRequest() {
    countSinceNap += 1
    countSinceProbe += 1
  }

  /// Nothing is there, and the replies have left: how long to nap, in nanoseconds, or nil.
  mutating func napWhenNothingIsThere() -> UInt? {
    switch naps {
    case .none: break
    case .probing:
      let isDeep = countSinceNap >= Self.manyInFlight
      naps = isDeep ? .regular : .none
      probeDistance =
        isDeep
        ? Self.probeDistances.lowerBound
        : min(2 * probeDistance, Self.probeDistances.upperBound)
    case .regular:
      if countSinceNap < Self.fewestInNap { naps = .none }
    }
    countSinceNap = 0
    if expectsMore, countSinceProbe >= probeDistance {
      naps = .probing
      countSinceProbe = 0
    }
    switch naps {
    case .none: return nil
    case .probing: return Self.probeNanoseconds
    case .regular: return Self.napNanoseconds
    }
  }

  /// Whether to look again, at `now`, having begun at `start`; in nanoseconds.
  mutating func looks(since start: UInt64, now: UInt64) -> Bool {
    isBusy = isBusy && now - start < Self.lookNanoseconds
    return isBusy
  }

  /// It looked and slept for so long until something came.
  mutating func slept(nanoseconds: UInt64) { isBusy = nanoseconds < 2 * Self.lookNanoseconds }
}
