// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import FileStorage
internal import Foundation
internal import Journal

/// One value kept as JSON in a file; after a crash the file is the old one or the new one.
struct JSONFile<Content: Codable & Sendable>: Sendable {
  let folder: FileFolder
  let name: String

  /// The value, or nil if there is no file.
  func load() throws -> Content? {
    let file: any StorageFile
    do { file = try folder.open(name, creating: false) } catch .missing { return nil }
    var data = Data(count: Int(try file.byteCount()))
    try data.withUnsafeMutableBytes { try file.read(at: 0, into: $0) }
    return try JSONDecoder().decode(Content.self, from: data)
  }

  /// Puts a value in place of the old one, durably.
  func save(_ content: Content) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(content)
    let temporary = name + ".tmp"
    let file = try folder.open(temporary, creating: true)
    try file.resize(to: 0)
    try data.withUnsafeBytes { try file.write($0, at: 0) }
    try file.sync()
    try folder.rename(temporary, to: name)
    try folder.sync()
  }

  /// Removes the file, durably; one that is gone is fine.
  func remove() throws {
    do { try folder.remove(name) } catch .missing { return }
    try folder.sync()
  }
}
