// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import NBDTransport

struct ReceivingPaceTests {
  @Test func `a pace sleeps at once until the client was seen to be quick`() {
    var pace = ReceivingPace()
    take(1000, in: &pace)
    #expect(!pace.expectsMore)
    #expect(pace.napWhenNothingIsThere() == nil)
    let looks = pace.looks(since: 0, now: 0)
    #expect(!looks)
  }

  @Test func `a client whose sleeper was woken soon is looked for, but not for long`() {
    var pace = ReceivingPace()
    pace.slept(nanoseconds: ReceivingPace.shortSleepNanoseconds)
    let afterLong = pace.looks(since: 0, now: 0)
    pace.slept(nanoseconds: ReceivingPace.shortSleepNanoseconds - 1)
    let early = pace.looks(since: 0, now: ReceivingPace.lookNanoseconds - 1)
    let late = pace.looks(since: 0, now: ReceivingPace.lookNanoseconds)
    #expect(!afterLong && early && !late)
    #expect(!pace.expectsMore)
  }

  @Test func `looks in vain grow rare, until one finds something`() {
    var pace = ReceivingPace()
    var waitsWithoutLook = (0..<12).map { _ in waitInVain(in: &pace) }
    #expect(waitsWithoutLook == [1, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
    waitsWithoutLook = [waitInVain(in: &pace), waitInVain(in: &pace)]
    #expect(waitsWithoutLook == [1024, 1024])
    while !pace.looks(since: 0, now: 0) { pace.slept(nanoseconds: 30_000) }
    pace.found()
    waitsWithoutLook = [waitInVain(in: &pace), waitInVain(in: &pace)]
    #expect(waitsWithoutLook == [0, 0])
  }

  @Test func `only what comes at once lets more be expected`() {
    var pace = quickPace()
    _ = pace.looks(since: 0, now: ReceivingPace.busyNanoseconds - 1)
    pace.found()
    #expect(pace.expectsMore)
    _ = pace.looks(since: 0, now: ReceivingPace.busyNanoseconds)
    pace.found()
    #expect(!pace.expectsMore)
  }

  @Test func `naps follow a probe that found many requests in flight`() {
    var pace = quickPace()
    take(ReceivingPace.probeDistances.lowerBound - 1, in: &pace)
    #expect(pace.napWhenNothingIsThere() == nil)
    take(1, in: &pace)
    #expect(pace.napWhenNothingIsThere() == ReceivingPace.probeNanoseconds)
    take(ReceivingPace.manyInFlight, in: &pace)
    #expect(pace.napWhenNothingIsThere() == ReceivingPace.napNanoseconds)
    take(ReceivingPace.fewestInNap, in: &pace)
    #expect(pace.napWhenNothingIsThere() == ReceivingPace.napNanoseconds)
    take(ReceivingPace.fewestInNap - 1, in: &pace)
    #expect(pace.napWhenNothingIsThere() == nil)
    #expect(pace.napWhenNothingIsThere() == nil)
  }

  @Test func `a client with few requests in flight is left alone for twice as long`() {
    var pace = quickPace()
    take(ReceivingPace.probeDistances.lowerBound, in: &pace)
    #expect(pace.napWhenNothingIsThere() == ReceivingPace.probeNanoseconds)
    take(ReceivingPace.manyInFlight - 1, in: &pace)
    #expect(pace.napWhenNothingIsThere() == nil)
    take(2 * ReceivingPace.probeDistances.lowerBound - ReceivingPace.manyInFlight, in: &pace)
    #expect(pace.napWhenNothingIsThere() == nil)
    take(1, in: &pace)
    #expect(pace.napWhenNothingIsThere() == ReceivingPace.probeNanoseconds)
  }

  @Test func `naps are probed again and again`() {
    var pace = quickPace()
    take(ReceivingPace.probeDistances.lowerBound, in: &pace)
    #expect(pace.napWhenNothingIsThere() == ReceivingPace.probeNanoseconds)
    take(ReceivingPace.manyInFlight, in: &pace)
    #expect(pace.napWhenNothingIsThere() == ReceivingPace.napNanoseconds)
    take(ReceivingPace.probeDistances.lowerBound - ReceivingPace.manyInFlight, in: &pace)
    #expect(pace.napWhenNothingIsThere() == ReceivingPace.probeNanoseconds)
  }

  @Test func `a client that is waited for asleep is not napped for`() {
    var pace = ReceivingPace()
    pace.slept(nanoseconds: 30_000)
    take(10 * ReceivingPace.probeDistances.lowerBound, in: &pace)
    #expect(pace.napWhenNothingIsThere() == nil)
  }

  private func quickPace() -> ReceivingPace {
    var pace = ReceivingPace()
    pace.slept(nanoseconds: 0)
    return pace
  }

  /// Waits, each time a bit longer than a look, until one look was in vain; returns how many passed
  /// before without a look.
  private func waitInVain(in pace: inout ReceivingPace) -> Int {
    var count = 0
    while !pace.looks(since: 0, now: 0) {
      count += 1
      pace.slept(nanoseconds: 30_000)
    }
    _ = pace.looks(since: 0, now: ReceivingPace.lookNanoseconds)
    pace.slept(nanoseconds: 30_000)
    return count
  }

  private func take(_ count: Int, in pace: inout ReceivingPace) {
    for _ in 0..<count { pace.tookRequest() }
  }
}
