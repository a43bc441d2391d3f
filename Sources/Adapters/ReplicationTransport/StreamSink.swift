// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
package import ReplicationProtocol

/// The receiving side of one stream: what the listener asks of the appliance's journal.
///
/// The newest session wins: the listener ends an older one before it opens the next, and what an
/// ended session has handed over but not yet made durable must not be written after
/// ``opened(session:)`` of the next has returned its welcome.
package protocol StreamSink: AnyObject, Sendable {
  /// A sender is there. Called on a thread that may block for as long as a write to disk takes.
  ///
  /// - Returns: What the sender needs to know. If it says that nothing is accepted, nothing is
  ///   received, and the session ends soon.
  /// - Throws: Why the stream cannot be received; the sender is told the error's text.
  func opened(session: any StreamSession) throws -> StreamWelcome

  /// Takes a batch over.
  ///
  /// Its records are consecutive and follow what the session received before, beginning after the
  /// welcome's durable record. Called on the network's thread: it only enqueues. Once they are
  /// durable: `session.acknowledge(through:)`.
  func receive(_ batch: RecordBatch, session: any StreamSession)

  /// Hashes `count` blocks of `blockSize` bytes (the last one may be cut by the volume's end)
  /// of the newest content, the received records included, and calls `reply` from any thread,
  /// once. A failure ends the query, not the session. Called on the network's thread.
  func hashes(
    volume: Int,
    at offset: UInt64,
    blockSize: Int,
    count: Int,
    reply: @escaping @Sendable (Result<[BlockHash], any Error>) -> Void
  )

  /// The session ended, for whatever reason. Not called if `opened` threw.
  func closed(session: any StreamSession)
}

/// One connection of a sender, seen from the receiving side.
///
/// Safe to use from any thread.
package protocol StreamSession: AnyObject, Sendable {
  /// Tells the sender that records up to `sequence` are durable.
  func acknowledge(through sequence: SequenceNumber)

  /// Gives a batch back that was received and that nobody uses any more.
  ///
  /// Its memory takes the next ones; a sink that keeps batches need not call it.
  func recycle(_ batch: RecordBatch)

  /// Ends the session and tells the sender why. Returns at once; `closed(session:)` follows.
  func close(_ reason: String)
}
