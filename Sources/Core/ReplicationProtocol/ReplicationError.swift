// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Why a link cannot go on.
///
/// It is closed; the stream itself resumes on the next one.
package enum ReplicationError: Error, Hashable, Sendable {
  /// A frame of this many bytes is announced, which is more than a frame may have.
  case frameTooLong(Int)
  case unknownFrame(UInt8)
  case reservedBitsSet(FrameKind)
  /// The frame is not the one that was sent.
  case checksumMismatch(FrameKind)
  /// A field or the body's length makes no sense for the kind of frame.
  case malformed(FrameKind)
  /// The peer does not speak this protocol.
  case notAHello
  /// The peer speaks this version of the protocol only.
  case unsupportedVersion(UInt16)
  /// The frame is a right one at the wrong moment.
  case unexpected(FrameKind)
  /// Records between the two never arrived.
  case gap(expected: SequenceNumber, received: SequenceNumber)
  /// The peer sends on although too much is not acknowledged.
  case windowExceeded
  /// The peer has acknowledged nothing of what it was sent for too long.
  case stalled
  /// The peer does not read the answers it asks for.
  case notReading
  /// An acknowledgement for a record that was never sent.
  case acknowledgedUnsent(SequenceNumber)
  /// Nothing was heard of the peer for too long.
  case silence
  /// The peer gave this reason and closed.
  case refused(RefusalCode, String)
}

extension ReplicationError: CustomStringConvertible {
  /// The error in words for an operator.
  package var description: String {
    switch self {
    case .frameTooLong(let count): "the peer announced a frame of \(count) bytes"
    case .unknownFrame(let kind): "the peer sent a frame of the unknown kind \(kind)"
    case .reservedBitsSet(let kind): "a \(kind) frame has reserved bits set"
    case .checksumMismatch(let kind): "a \(kind) frame was damaged on its way"
    case .malformed(let kind): "a \(kind) frame is malformed"
    case .notAHello: "the peer does not speak the replication protocol"
    case .unsupportedVersion(let version): "the peer speaks protocol version \(version)"
    case .unexpected(let kind): "a \(kind) frame came at the wrong moment"
    case .gap(let expected, let received):
      "record \(expected.rawValue) is missing: \(received.rawValue) came in its place"
    case .windowExceeded: "the peer sends on without waiting for acknowledgements"
    case .stalled: "the peer acknowledges nothing of what it is sent"
    case .notReading: "the peer does not read what it asks for"
    case .acknowledgedUnsent(let sequence):
      "record \(sequence.rawValue) was acknowledged but never sent"
    case .silence: "the peer has been silent for too long"
    case .refused(let code, ""): "the peer gave no reason but \(code)"
    case .refused(_, let text): text
    }
  }
}

extension ReplicationError {
  /// What to count the end of the link as; nil if nobody did anything wrong.
  package var refusalCause: LinkRefusal.Cause? {
    switch self {
    case .unsupportedVersion, .refused(.unsupportedVersion, _): .version
    case .stalled, .notReading: .stalled
    case .refused(.unknownStream, _): .unknownStream
    case .refused(.fenced, _): .fenced
    case .silence, .refused(.storage, _), .refused(.shuttingDown, _), .refused(.closed, _): nil
    case .refused(.protocolError, _), .frameTooLong, .unknownFrame, .reservedBitsSet,
      .checksumMismatch, .malformed, .notAHello, .unexpected, .gap, .windowExceeded,
      .acknowledgedUnsent:
      .protocolViolation
    }
  }
}

/// Why a peer ends a link, as a number for programs.
///
/// The text beside it is for people.
package enum RefusalCode: UInt16, Sendable, CaseIterable {
  /// There is no such stream here, or it may not come from the sender's site.
  case unknownStream = 1
  case unsupportedVersion = 2
  /// A newer session of the same stream is there.
  case fenced = 3
  /// A frame broke the protocol.
  case protocolError = 4
  /// Journal or replica cannot be written or read.
  case storage = 5
  /// The appliance is going away.
  case shuttingDown = 6
  /// The sink closed the session; the text says why.
  case closed = 7
}
