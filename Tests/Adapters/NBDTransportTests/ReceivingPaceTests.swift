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

  @Test func `a look ends after its time, and after a long sleep there is none`() {
    var pace = ReceivingPace()
    pace.slept(nanoseconds: 2 * ReceivingPace.lookNanoseconds - 1)
    let early = pace.looks(since: 0, now: ReceivingPace.lookNanoseconds - 1)
    let late = pace.looks(since: 0, now: ReceivingPace.lookNanoseconds)
    #expect(early && !late)
    pace.slept(nanoseconds: 2 * ReceivingPace.lookNanoseconds)
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

  private func take(_ count: Int, in pace: inout ReceivingPace) {
    for _ in 0..<count { pace.tookRequest() }
  }
}
