// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import Glibc

/// Files that are replaced as a whole: a reader sees the old content or the new, also after a
/// crash, and a key is at no time readable by others.
package enum PrivateFile {
  /// Permissions of a file that holds a key.
  package static let secret: mode_t = 0o600
  /// Permissions of a file that everybody may read.
  package static let open: mode_t = 0o644

  /// The text of a file, or nil if there is no such file.
  package static func read(_ path: String) throws(IdentityError) -> String? {
    do {
      return try String(contentsOfFile: path, encoding: .utf8)
    } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
      return nil
    } catch {
      throw .storage(path: path, reason: "\(error.localizedDescription)")
    }
  }

  /// Makes the folder, for its owner alone, unless it is there.
  package static func makeFolder(_ path: String) throws(IdentityError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path,
        withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700]
      )
    } catch {
      throw .storage(path: path, reason: "\(error.localizedDescription)")
    }
  }

  /// Writes and syncs a new file beside `path`, then puts it in its place.
  package static func write(_ text: String, to path: String, mode: mode_t) throws(IdentityError) {
    let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).new"
    let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw failure(temporary) }
    do throws(IdentityError) {
      defer { close(descriptor) }
      try writeAll(Array(text.utf8), to: descriptor, path: temporary)
      guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else { throw failure(temporary) }
      guard rename(temporary, path) == 0 else { throw failure(path) }
    } catch {
      unlink(temporary)
      throw error
    }
    try syncFolder(of: path)
  }

  /// Writes a value as JSON a person can read, for its owner's eyes alone.
  package static func write(json value: some Encodable, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(value), as: UTF8.self)
    try write(text, to: path, mode: secret)
  }

  private static func writeAll(
    _ bytes: [UInt8],
    to descriptor: Int32,
    path: String
  ) throws(IdentityError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
      }
      guard count > 0 || (count < 0 && errno == EINTR) else { throw failure(path) }
      written += max(count, 0)
    }
  }

  private static func syncFolder(of path: String) throws(IdentityError) {
    let folder = (path as NSString).deletingLastPathComponent
    let descriptor = Glibc.open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(folder) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(folder) }
  }

  private static func failure(_ path: String) -> IdentityError {
    .storage(path: path, reason: String(cString: strerror(errno)))
  }
}
