// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

// What a journal that is to be copied needs: replicas and closed segments that stay what they are
// while records are appended.

extension StreamJournal {
  /// Keeps replicas and closed segments as they are until ``release(_:)``; appends go on.
  ///
  /// Fails with ``JournalError/incomplete`` during the first sync, which writes into the replicas,
  /// and with ``JournalError/held(_:)`` while a fold that failed has still to be done.
  package func freeze() throws(JournalError) -> HoldToken {
    try folding.withLock { _ throws(JournalError) in
      try contents.withLock { contents throws(JournalError) in
        guard !contents.isClosed else { throw .moved }
        guard contents.phase != .filling else { throw .incomplete }
        guard contents.phase == .complete else { throw .promoted }
        guard contents.floor == contents.folded else { throw .held(contents.floor) }
        contents.lastHold += 1
        contents.holds[contents.lastHold] = contents.folded
        return HoldToken(number: contents.lastHold)
      }
    }
  }

  /// Whether the disk is too full to go on for long.
  package var isSpaceShort: Bool { contents.withLock { $0.isSpaceShort } }

  /// Lets nobody begin to read from now on.
  ///
  /// Fails with ``JournalError/held(_:)``, changing nothing, if there is a hold beside `token`.
  package func close(butFor token: HoldToken) throws(JournalError) {
    try contents.withLock { contents throws(JournalError) in
      if let other = contents.holds.first(where: { $0.key != token.number }) {
        throw .held(other.value)
      }
      contents.isClosed = true
    }
  }
}
