// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Journal
import RecoveryModel
import Testing

@Suite struct `A journal that is copied` {
  @Test func `keeps its replicas as they are while records are appended`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([fixture.recording.mark(1), fixture.recording.write(0, 0, [1])])
    let replicas = fixture.replicas
    let token = try journal.freeze()
    try journal.append([fixture.recording.write(0, 0, [2]), fixture.recording.mark(2)])
    #expect(throws: JournalError.held(journal.state.folded)) {
      try journal.fold(through: SequenceNumber(5))
    }
    #expect(fixture.replicas == replicas)
    journal.release(token)
    try journal.fold(through: SequenceNumber(5))
    #expect(fixture.replicas != replicas)
  }

  @Test func `is closed only if nobody else reads it, and to whoever comes then`() throws {
    var fixture = Fixture()
    let journal = try fixture.openCompleted()
    try journal.append([fixture.recording.mark(1)])
    let token = try journal.freeze()
    let reader = try journal.hold(SequenceNumber(3))
    #expect(throws: JournalError.held(SequenceNumber(3))) { try journal.close(butFor: token) }
    _ = try journal.hold(SequenceNumber(3))
    journal.release(reader)
    #expect(throws: JournalError.self) { try journal.close(butFor: token) }
    let other = try fixture.open()
    let last = try other.freeze()
    try other.close(butFor: last)
    #expect(throws: JournalError.moved) { try other.hold(SequenceNumber(3)) }
    #expect(throws: JournalError.moved) { try other.freeze() }
  }

  @Test func `is not frozen during its first sync, nor once it is promoted`() throws {
    let fixture = Fixture()
    let filling = try fixture.open()
    #expect(throws: JournalError.incomplete) { try filling.freeze() }
    var second = Fixture()
    let journal = try second.openCompleted()
    try journal.append([second.recording.mark(1)])
    try journal.promote(CheckpointIdentifier(1))
    #expect(throws: JournalError.promoted) { try journal.freeze() }
  }
}
