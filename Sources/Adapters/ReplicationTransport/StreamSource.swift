// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
package import ReplicationProtocol

/// The sending side of a stream: what the transport asks of the appliance's buffer.
///
/// Every method is called on the sender's own thread, except
/// ``acknowledged(through:)``, which the network's thread calls.
package protocol StreamSource: AnyObject, Sendable {
  /// Appends the records that follow `sequence`, consecutive, to an empty `batch` until it has
  /// about `byteLimit` bytes of payload. Without any it waits up to `waitMilliseconds` for one.
  func take(
    after sequence: SequenceNumber,
    into batch: RecordBatch,
    byteLimit: Int,
    waitMilliseconds: Int
  )

  /// Records up to `sequence` are durable at the other side: their memory can be used again.
  func acknowledged(through sequence: SequenceNumber)

  /// The link is open, and the other side takes records if `welcome.isAccepting`.
  ///
  /// - Returns: The record after which the source goes on.
  func linkOpened(_ welcome: StreamWelcome) -> StreamResume

  /// The link is down, or could not be opened; `reason` is for an operator.
  func linkClosed(_ reason: String)
}
