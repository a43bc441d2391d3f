// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Journal
internal import RecoveryModel
internal import ReplicationTransport
internal import Synchronization

// A journal and its replicas go to other places while the stream goes on.
//
// What must hold, whatever ends the appliance when: the record names places that hold all of the
// stream, and everything else that there is of it is among the strays. So the strays are recorded
// before a copy begins; one save of the record makes the copy the journal, and what was the journal
// the strays; and those are deleted only once the copy was opened.

extension JournalRegistry {
  /// Sees to it that journal and replicas get where they are to be, and that nothing is left
  /// anywhere else.
  func follow(_ keeper: JournalKeeper) {
    guard keeper.monitor.withLock({ keeper.move == nil }) else { return }
    do {
      guard keeper.destination != nil else {
        return try clearStrays(of: keeper.stream)
      }
      let move = JournalMove(keeper.stream, logger: keeper.logger)
      keeper.monitor.withLock { keeper.move = move }
      try move.start { try self.attempt($0) }
    } catch {
      keeper.failed("the journal cannot be moved", error)
    }
  }

  /// Of a journal that cannot be opened nobody knows what it needs.
  private func clearStrays(of stream: StreamIdentifier) throws {
    guard let keeper = keeper(stream), (try? keeper.opened()) != nil else { return }
    try keeper.clearStrays()
  }

  private func attempt(_ move: JournalMove) throws {
    guard let keeper = keeper(move.stream), let to = keeper.destination else { return }
    do {
      // One at a time: several at once on one disk take longer together.
      try move.wait { takeTurn() }
      defer { copying.withLock { $0 = false } }
      try keeper.clearStrays()
      let journal = try keeper.opened()
      let token = try journal.freeze()
      defer { journal.release(token) }
      let copy = try begin(keeper, journal, to, move)
      try copy.ahead()
      try move.wait {
        // Whoever ends the move may have the lock, and waits.
        try changes.withLockIfAvailable { _ in
          do { try journal.close(butFor: token) } catch JournalError.held { return false }
          try switchOver(keeper, copy)
          return true
        } ?? false
      }
    } catch {
      // Another keeper may have the record by now.
      try? clearStrays(of: move.stream)
      throw error
    }
  }

  private func takeTurn() -> Bool {
    copying.withLock { isCopying in
      defer { isCopying = true }
      return !isCopying
    }
  }

  /// Records what will be there, and makes the folder of the new journal.
  private func begin(
    _ keeper: JournalKeeper,
    _ journal: StreamJournal,
    _ to: JournalPlaces,
    _ move: JournalMove
  ) throws -> JournalCopy {
    let request = keeper.monitor.withLock { keeper.record.request }
    let strays = to.without(JournalPlaces(request))
    try keeper.change { $0.strays = strays }
    let place = to.journalFolder.map { JournalPlace(path: $0, owner: owner) }
    if strays.journal != nil { try place?.make() }
    return JournalCopy(
      request: request,
      to: to,
      source: keeper.folder,
      target: place?.folder ?? keeper.home,
      journal: journal,
      move: move
    )
  }

  /// Closes the journal, and opens it at its new places; where it was, if that is not possible.
  private func switchOver(_ keeper: JournalKeeper, _ copy: JournalCopy) throws {
    let before = keeper.monitor.withLock { keeper.record }
    keeper.stop()
    do {
      try copy.finish()
      var record = before
      record.request = before.request.placed(at: copy.to)
      record.strays = JournalPlaces(before.request).without(copy.to)
      (record.destination, record.images) = (nil, nil)
      let next = try reopened(keeper, record)
      try next.open()
      try next.start()
      keepers.withLock { $0[keeper.stream] = next }
    } catch {
      let next = try reopened(keeper, before)
      next.monitor.withLock { next.move = copy.move }
      // If it cannot be opened, its status says why.
      keepers.withLock { $0[keeper.stream] = next }
      try next.open()
      try next.start()
      throw error
    }
    // They are recorded: the next start or change deletes what could not be deleted now.
    do { try clearStrays(of: keeper.stream) } catch {
      keeper.failed("the files of a journal that was moved cannot be deleted", error)
    }
  }

  /// The journal's next keeper, whose record is durable.
  private func reopened(
    _ keeper: JournalKeeper,
    _ record: JournalRecord
  ) throws -> JournalKeeper {
    let next = self.keeper(of: keeper.stream, keeper.home, record)
    try next.change { _ in }
    return next
  }
}
