// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A stream of bytes that a repository keeps.
package struct ResticSnapshot: Decodable, Sendable, Equatable {
  /// 64 hexadecimal digits.
  package var id: String
  /// The one path is the name of the stream, after a slash.
  package var paths: [String]
  package var hostname: String
  /// Absent if there are none.
  package var tags: [String]?
}

/// What a backup was given and what it cost.
package struct ResticBackup: Sendable, Equatable {
  /// 64 hexadecimal digits.
  package var snapshot: String
  package var byteCount: UInt64
  /// What the repository did not have yet, before compression.
  package var addedByteCount: UInt64
}

/// The last line of a backup's JSON.
struct ResticSummary: Decodable {
  var kind: String
  var addedByteCount: UInt64
  var byteCount: UInt64
  var snapshot: String

  private enum CodingKeys: String, CodingKey {
    case kind = "message_type"
    case addedByteCount = "data_added"
    case byteCount = "total_bytes_processed"
    case snapshot = "snapshot_id"
  }

  /// Finds it in what a backup printed.
  init?(output: [UInt8]) {
    for line in output.split(separator: UInt8(ascii: "\n")).reversed() {
      guard let summary = try? JSONDecoder().decode(Self.self, from: Data(line)),
        summary.kind == "summary"
      else { continue }
      self = summary
      return
    }
    return nil
  }
}

/// What `cat config` says.
struct ResticConfiguration: Decodable {
  var id: String
}

/// What `stats --mode raw-data` says.
struct ResticStatistics: Decodable {
  var byteCount: UInt64

  private enum CodingKeys: String, CodingKey { case byteCount = "total_size" }
}
