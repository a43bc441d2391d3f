// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What the receiving side knows of a stream, told when a link opens.
package struct StreamWelcome: Hashable, Sendable {
  /// The last record that is durable at the receiving side; the next one it takes follows it.
  package var durable: SequenceNumber
  /// Whether a first sync has ever been finished.
  ///
  /// Until then only an initial sync helps.
  package var isComplete: Bool
  /// Whether records are taken at all.
  ///
  /// If not, the sender comes back later.
  package var isAccepting: Bool
  /// What the sender may compress with.
  package var compressions: CompressionSet

  package init(
    durable: SequenceNumber,
    isComplete: Bool,
    isAccepting: Bool,
    compressions: CompressionSet = .all
  ) {
    self.durable = durable
    self.isComplete = isComplete
    self.isAccepting = isAccepting
    self.compressions = compressions
  }
}

/// Where the sending side goes on.
///
/// It is always the welcome's durable record: a source that does not hold the ones after it numbers
/// its records anew from there.
package enum StreamResume: Hashable, Sendable {
  case after(SequenceNumber)
}
