// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation
internal import Journal
internal import RecoveryModel

extension JournalError {
  /// What an operator can act on.
  var words: String {
    switch self {
    case .storage(let error): error.words
    case .corrupt(let file, let offset):
      "the journal is damaged: file \(file), byte \(offset)"
    case .stateDamaged: "the journal's state file is missing or damaged"
    case .unsupportedVersion(let version):
      "the journal has format \(version), which this version does not read"
    case .otherStream: "the journal's folder holds another stream, or volumes of other sizes"
    case .otherVolumes:
      "the sender has disks that this site was not told of: they are taken once it is"
    case .gap(let expected, let found):
      "record \(found.rawValue) came where \(expected.rawValue) was due"
    case .malformed(let sequence): "record \(sequence.rawValue) is damaged"
    case .pointGone: "the point is older than the journal"
    case .pointAhead: "the point is newer than the journal"
    case .insideSync: "the point lies inside a sync: the disks never were as it says"
    case .incomplete: "the initial sync has not finished"
    case .held: "another recovery uses an older or other point of this journal"
    case .unknownCheckpoint(let checkpoint): "the journal has no checkpoint \(checkpoint)"
    case .promoted: "the journal was committed to a checkpoint and takes no more writes"
    case .moved: "the journal is being moved to another datastore at this moment; try again"
    }
  }

  /// What a control port answers.
  var failure: ControlFailure {
    let status =
      switch self {
      case .unknownCheckpoint, .pointGone, .pointAhead: 404
      case .otherStream, .otherVolumes, .insideSync, .incomplete, .held, .promoted, .moved:
        409
      case .storage, .corrupt, .stateDamaged, .unsupportedVersion, .gap, .malformed: 500
      }
    return ControlFailure(status: status, message: words)
  }
}

extension [JournalDamage] {
  /// What an operator should know; nil if nothing is damaged.
  var words: String? {
    guard let first else { return nil }
    let places = count == 1 ? "one record" : "\(count) records"
    return "\(places) on its disk, the first in file \(first.file) at byte \(first.offset)"
  }
}

extension StorageError {
  /// What an operator can act on.
  var words: String {
    switch self {
    case .missing(let file): "\(file) is missing"
    case .full(let file): "there is no room left for \(file)"
    case .pastEnd(let file, let offset, let byteCount):
      "\(file) ends before byte \(offset + UInt64(byteCount))"
    case .failed(let operation, let file, let code):
      "\(operation) of \(file) failed: \(String(cString: strerror(code)))"
    }
  }
}

/// An error's text for a log or a status.
func words(_ error: any Error) -> String {
  switch error {
  case let error as JournalError: error.words
  case let error as StorageError: error.words
  case let error as ControlFailure: error.message
  default: "\(error)"
  }
}
