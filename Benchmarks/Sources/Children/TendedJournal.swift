// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Journal
import RecoveryModel
import Synchronization

/// A journal with the thread that tends it, as the appliance has one.
///
/// `@unchecked Sendable`: ``failure`` is read only after the thread has ended; all else is made for
/// two threads.
final class TendedJournal: @unchecked Sendable {
  let journal: StreamJournal
  private let isWanted = DispatchSemaphore(value: 0)
  private let isOver = DispatchSemaphore(value: 0)
  private var failure: (any Error)?
  private let isEnding = Atomic<Bool>(false)

  init(_ journal: StreamJournal) {
    self.journal = journal
    Thread.detachNewThread { [self] in
      do {
        repeat {
          isWanted.wait()
          while journal.needsMaintenance { try journal.maintain() }
        } while !isEnding.load(ordering: .acquiring)
      } catch {
        failure = error
      }
      isOver.signal()
    }
  }

  /// Appends the maker's batch.
  func append(_ maker: RecordMaker) throws {
    try journal.append(maker.records, payload: maker.payload)
    if journal.needsMaintenance { isWanted.signal() }
  }

  /// Appends a checkpoint.
  func mark(_ maker: inout RecordMaker, _ number: UInt64) throws {
    try journal.append(
      [maker.mark(number)],
      payload: UnsafeRawBufferPointer(start: nil, count: 0)
    )
  }

  /// Waits until there is nothing left to tend.
  func end() throws {
    isEnding.store(true, ordering: .releasing)
    isWanted.signal()
    isOver.wait()
    if let failure { throw failure }
  }
}
