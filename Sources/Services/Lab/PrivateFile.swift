// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Files only their owner may read.
enum PrivateFile {
  /// Writes a file with mode 0600, whole or not at all.
  static func write(_ data: Data, to path: String) throws {
    let files = FileManager.default
    let temporary = path + ".new"
    try? files.removeItem(atPath: temporary)
    guard
      files.createFile(
        atPath: temporary,
        contents: data,
        attributes: [.posixPermissions: 0o600]
      )
    else { throw LabError("cannot write \(temporary)") }
    guard rename(temporary, path) == 0 else {
      throw LabError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
  }

  /// Writes a value as JSON a person can read, with mode 0600.
  static func write(json value: some Encodable, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try write(encoder.encode(value), to: path)
  }
}
