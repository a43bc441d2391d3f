// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why files of a disk cannot be read.
///
/// Texts are for the person who asked.
package enum FileRestoreError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The path cannot be one.
  case invalid(String)
  /// There is nothing of that name, or nothing that can be read that way.
  case notFound(String)
  /// Another call of the session runs.
  case busy(String)
  /// The tool is not installed, ended, did not answer in time, or refused the disk.
  case failed(String)

  package var description: String {
    switch self {
    case .invalid(let text), .notFound(let text), .busy(let text), .failed(let text): text
    }
  }
}
