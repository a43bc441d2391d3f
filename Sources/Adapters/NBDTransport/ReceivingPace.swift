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
  /// How long to look before sleeping: who sleeps is woken by the client, which costs both of them
  /// as much as a short look, and the client's next request comes later by that.
  static let lookNanoseconds: UInt64 = 40_000
  /// A wait asleep that was shorter than this would have been about a look's, without the waking.
  static let shortSleepNanoseconds: UInt64 = 50_000
  /// A wait shorter than this means that more is likely to be there already.
  static let busyNanoseconds: UInt64 = 6_000
  /// For how many waits nobody looks after two looks in vain; twice as many after each further one.
  static let rests = 1...1024
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

  /// Whether the client sent something at once when it was waited for: then more is likely to be
  /// there.
  private var isBusy = false
  /// Whether the next wait begins with a look.
  private var isLooking = false
  /// How long the look has lasted, in nanoseconds.
  private var looked: UInt64 = 0
  /// Waits that still pass without a look.
  private var rest = 0
  /// Waits without a look after the next one in vain.
  private var nextRest = 0
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

  /// Whether to look once more, at `now`, having begun to wait at `start`; in nanoseconds.
  mutating func looks(since start: UInt64, now: UInt64) -> Bool {
    guard isLooking else { return false }
    looked = now - start
    if looked < Self.lookNanoseconds { return true }
    isLooking = false
    rest = nextRest
    nextRest = min(max(2 * nextRest, Self.rests.lowerBound), Self.rests.upperBound)
    return false
  }

  /// The look found something.
  mutating func found() {
    isBusy = looked < Self.busyNanoseconds
    nextRest = 0
  }

  /// It waited for so long until something came, at the end asleep.
  mutating func slept(nanoseconds: UInt64) {
    isBusy = nanoseconds < Self.busyNanoseconds
    isLooking = rest == 0 && nanoseconds < Self.shortSleepNanoseconds
    rest = max(0, rest - 1)
  }
}
