// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct ChangeMapTests {
  private typealias Rotation = ChangeMapRotation

  private func facts(
    _ last: UInt64,
    acknowledged: UInt64,
    generation: UInt64 = 4,
    isOrdered: Bool = true,
    isComparing: Bool = false,
    writes: UInt64 = 1
  ) -> Rotation.Facts {
    Rotation.Facts(
      order: .init(incarnation: "a", generation: generation),
      isOrdered: isOrdered,
      isComparing: isComparing,
      last: SequenceNumber(last),
      acknowledged: SequenceNumber(acknowledged),
      writeCount: writes
    )
  }

  /// A rotation that began at 0 with number 10.
  private func begun() -> Rotation {
    var rotation = Rotation()
    let start = facts(10, acknowledged: 10)
    #expect(rotation.action(for: start, at: .zero) == .begin)
    rotation.carriedOut(.begin, for: start, at: .zero)
    return rotation
  }

  @Test func `a map's name says all there is to know about it`() throws {
    let stream = StreamIdentifier("44444444-0000-4000-8000-000000000004")
    let map = ChangeMap(stream: stream, number: 7, floor: SequenceNumber(12), byteCount: 512)
    #expect(map.name == "us-7-12-512-44444444-0000-4000-8000-000000000004")
    #expect(ChangeMap(name: map.name) == map)
    for name in [
      "us-7-12-5", "us-7-12-5-", "us--7-12-5-a", "us-x-1-5-a", "us-7-12-a", "backup-1-2-5-a", "",
    ] {
      #expect(ChangeMap(name: name) == nil)
    }
  }

  @Test func `maps cover all that may be missing once the first one is gone`() {
    let stream = StreamIdentifier("s")
    let first = ChangeMap(stream: stream, number: 0, floor: SequenceNumber(0), byteCount: 512)
    let second = ChangeMap(stream: stream, number: 1, floor: SequenceNumber(5), byteCount: 512)
    #expect(!ChangeMap.cover([]))
    #expect(!ChangeMap.cover([first]))
    #expect(!ChangeMap.cover([first, second]))
    #expect(ChangeMap.cover([second]))
  }

  @Test func `an old map is dropped only when all it alone knows of is durable`() {
    var rotation = begun()
    // A write may still be on its way to the appliance: this number proves nothing.
    #expect(rotation.action(for: facts(11, acknowledged: 11), at: .seconds(9)) == nil)
    #expect(rotation.action(for: facts(20, acknowledged: 19), at: .seconds(10)) == nil)
    #expect(rotation.action(for: facts(30, acknowledged: 19), at: .seconds(11)) == nil)
    let durable = facts(40, acknowledged: 20)
    #expect(rotation.action(for: durable, at: .seconds(12)) == .finish)
    // Until it is carried out it stays to be done.
    #expect(rotation.action(for: durable, at: .seconds(12)) == .finish)
  }

  @Test func `a stream that lost its order proves nothing`() {
    var rotation = begun()
    #expect(rotation.action(for: facts(20, acknowledged: 19), at: .seconds(10)) == nil)
    // It is in order again, but not the same.
    let again = facts(30, acknowledged: 30, generation: 6)
    #expect(rotation.action(for: again, at: .seconds(20)) == .begin)
    rotation.carriedOut(.begin, for: again, at: .seconds(20))
    #expect(rotation.action(for: again, at: .seconds(29)) == nil)
    #expect(rotation.action(for: again, at: .seconds(30)) == .finish)

    rotation = begun()
    let lost = facts(20, acknowledged: 20, isOrdered: false)
    #expect(rotation.action(for: lost, at: .seconds(10)) == nil)
    #expect(rotation.action(for: facts(20, acknowledged: 20), at: .seconds(20)) == .begin)
  }

  @Test func `a sync of the disks as a whole has ever newer maps of what it has compared`() {
    var rotation = Rotation()
    let start = facts(10, acknowledged: 5, isOrdered: false, isComparing: true)
    #expect(rotation.action(for: start, at: .zero) == .begin)
    rotation.carriedOut(.begin, for: start, at: .zero)
    var later = facts(20, acknowledged: 19, isOrdered: false, isComparing: true)
    #expect(rotation.action(for: later, at: .seconds(10)) == nil)
    later = facts(30, acknowledged: 20, isOrdered: false, isComparing: true)
    #expect(rotation.action(for: later, at: .seconds(11)) == .finish)
    rotation.carriedOut(.finish, for: later, at: .seconds(11))
    #expect(rotation.action(for: later, at: .seconds(12)) == .begin)
    rotation.carriedOut(.begin, for: later, at: .seconds(12))
    // The sync is through: a map of a part is of no more use.
    let through = facts(40, acknowledged: 40)
    #expect(rotation.action(for: through, at: .seconds(30)) == .begin)
    rotation.carriedOut(.begin, for: through, at: .seconds(30))
    #expect(rotation.action(for: through, at: .seconds(39)) == nil)
    #expect(rotation.action(for: through, at: .seconds(40)) == .finish)

    // One that lost its order has compared nothing that counts.
    rotation = Rotation()
    _ = rotation.action(for: start, at: .zero)
    rotation.carriedOut(.begin, for: start, at: .zero)
    later = facts(30, acknowledged: 30, generation: 5, isOrdered: false, isComparing: true)
    #expect(rotation.action(for: later, at: .seconds(20)) == .begin)
  }

  @Test func `maps are renewed after a while, if there was anything to note`() {
    var rotation = begun()
    let end = facts(20, acknowledged: 20)
    #expect(rotation.action(for: end, at: .seconds(10)) == .finish)
    rotation.carriedOut(.finish, for: end, at: .seconds(10))
    let written = facts(30, acknowledged: 30, writes: 2)
    #expect(rotation.action(for: written, at: .seconds(69)) == nil)
    #expect(rotation.action(for: facts(30, acknowledged: 30), at: .seconds(80)) == nil)
    #expect(rotation.action(for: written, at: .seconds(80)) == .begin)
    rotation.failed(for: written, at: .seconds(80))
    #expect(rotation.action(for: written, at: .seconds(139)) == nil)
    #expect(rotation.action(for: written, at: .seconds(140)) == .begin)
  }
}
