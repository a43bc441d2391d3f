// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ReplicationProtocol

/// A question for hashes that is on its way.
///
/// Safe to use from any thread.
///
/// `@unchecked Sendable`: the monitor guards the result.
package final class HashTicket: @unchecked Sendable {
  private let monitor = Monitor()
  private var result: Result<[BlockHash], StreamSenderError>?

  func fulfil(_ result: Result<[BlockHash], StreamSenderError>) {
    monitor.withLock {
      if self.result == nil { self.result = result }
      monitor.broadcast()
    }
  }

  /// Blocks until the answer is there or the link is lost, whichever comes first, and no longer
  /// than some milliseconds.
  ///
  /// - Returns: nil if there is no answer yet.
  package func wait(atMost milliseconds: Int64) throws(StreamSenderError) -> [BlockHash]? {
    let deadline = Monitor.now() + milliseconds
    let outcome = monitor.withLock {
      while result == nil, monitor.wait(until: deadline) {}
      return result
    }
    return try outcome?.get()
  }

  /// Blocks until the answer is there or the link is lost, whichever comes first.
  package func wait() throws(StreamSenderError) -> [BlockHash] {
    let outcome = monitor.withLock {
      while true {
        if let result { return result }
        monitor.wait()
      }
    }
    return try outcome.get()
  }
}

/// Why a question to the other side has no answer.
package enum StreamSenderError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There is no link, or it was lost before the answer came.
  case linkLost
  /// The other side could not read its blocks.
  case notReadable

  package var description: String {
    switch self {
    case .linkLost: "the link was lost"
    case .notReadable: "the other site could not read its copy"
    }
  }
}

extension HashTicket {
  /// A ticket for a question that could not be asked.
  package static var lost: HashTicket {
    let ticket = HashTicket()
    ticket.fulfil(.failure(.linkLost))
    return ticket
  }
}
