// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Every frame but the ones with data.
package enum ControlMessage: Hashable, Sendable {
  /// The sender's first frame.
  case hello(version: UInt16, stream: StreamIdentifier)
  /// The receiver's answer.
  case welcome(StreamWelcome)
  /// The last frame of a link that one side ends, with the reason.
  case refuse(RefusalCode, String)
  /// Records up to this one are durable.
  case acknowledge(SequenceNumber)
  case hashQuery(HashQuery)
  /// `hashes` is nil if the blocks could not be read.
  case hashReply(identifier: UInt64, hashes: [BlockHash]?)
  case ping(UInt64)
  /// The ping's number.
  case pong(UInt64)

  /// The version this code speaks.
  package static let version: UInt16 = 3
  /// In version 2 the volumes of a stream never change.
  package static let readableVersions: ClosedRange<UInt16> = 2...3
}

/// A question for the hashes of blocks that follow each other.
package struct HashQuery: Hashable, Sendable {
  /// The most blocks of one query.
  package static let maximumBlockCount = 4096

  package var identifier: UInt64
  package var volume: UInt16
  package var offset: UInt64
  package var blockSize: UInt32
  package var blockCount: UInt32

  package init(
    identifier: UInt64,
    volume: UInt16,
    offset: UInt64,
    blockSize: UInt32,
    blockCount: UInt32
  ) {
    self.identifier = identifier
    self.volume = volume
    self.offset = offset
    self.blockSize = blockSize
    self.blockCount = blockCount
  }
}

extension ControlMessage {
  package var kind: FrameKind {
    switch self {
    case .hello: .hello
    case .welcome: .welcome
    case .refuse: .refuse
    case .acknowledge: .acknowledge
    case .hashQuery: .hashQuery
    case .hashReply: .hashReply
    case .ping: .ping
    case .pong: .pong
    }
  }
}
