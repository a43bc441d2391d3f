// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ReplicationProtocol

struct PayloadRingTests {
  /// A payload in a ring: where, up to where it is freed, and what it was filled with.
  private struct Held {
    let place: PayloadRing.Place
    let count: Int
    let filling: UInt8
  }

  private static func isIntact(_ held: Held, in ring: PayloadRing) -> Bool {
    ring.slice(held.place.start, held.count).allSatisfy { $0 == held.filling }
  }

  @Test(arguments: [40, 100, 1000, 4096])
  func `payloads stay as they are until they are freed, whatever comes and goes`(size: Int) {
    var generator = SystemRandomNumberGenerator()
    var ring = PayloadRing(byteCount: size)
    defer { ring.deallocate() }
    var held: [Held] = []
    var filling: UInt8 = 0
    for _ in 0..<20_000 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<5:
        let count = Int.random(in: 1...size / 4, using: &generator)
        guard let room = ring.reserve(count) else {
          // A full ring has few bytes left: less than a chunk, and what its chunks' ends lose.
          #expect(ring.usedByteCount >= ring.capacity / 4)
          continue
        }
        #expect(ring.reserve(1) == nil)
        // Older ones may be freed while a payload comes in.
        if Bool.random(using: &generator), !held.isEmpty {
          let first = held.removeFirst()
          #expect(Self.isIntact(first, in: ring))
          ring.free(through: first.place.end)
        }
        filling &+= 1
        for index in room.indices { room[index] = filling }
        if Int.random(in: 0..<8, using: &generator) == 0 {
          ring.abandon()
        } else {
          held.append(Held(place: ring.commit(), count: count, filling: filling))
        }
      case 5..<9 where !held.isEmpty:
        let count = Int.random(in: 1...min(3, held.count), using: &generator)
        for one in held[..<count] { #expect(Self.isIntact(one, in: ring)) }
        ring.free(through: held[count - 1].place.end)
        held.removeFirst(count)
      case 9:
        if Int.random(in: 0..<20, using: &generator) == 0 {
          ring.freeAll()
          held = []
        }
      default: break
      }
      if held.isEmpty { #expect(ring.usedByteCount == 0) }
    }
  }

  @Test func `all of the memory can be held at once, over and over`() {
    var ring = PayloadRing(byteCount: 4096)
    defer { ring.deallocate() }
    for _ in 0..<10 {
      for _ in 0..<16 {
        #expect(ring.reserve(256) != nil)
        _ = ring.commit()
      }
      #expect(ring.reserve(1) == nil)
      #expect(ring.usedByteCount == 4096)
      ring.freeAll()
    }
  }

  @Test func `while little is held, little memory is used`() {
    var ring = PayloadRing(byteCount: 64 << 20)
    defer { ring.deallocate() }
    var ends: [UInt64] = []
    var highest = 0
    for _ in 0..<100_000 {
      guard ring.reserve(4096) != nil else { return #expect(Bool(false), "there is room") }
      let place = ring.commit()
      highest = max(highest, place.start)
      ends.append(place.end)
      if ends.count == 100 { ring.free(through: ends.removeFirst()) }
    }
    #expect(highest < 8 << 20)
  }

  @Test func `a payload longer than a chunk has no room`() {
    var ring = PayloadRing(byteCount: 4096)
    defer { ring.deallocate() }
    #expect(ring.reserve(1025) == nil)
    #expect(ring.reserve(1024) != nil)
  }
}
