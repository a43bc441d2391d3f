// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Identity

/// The log-in that `understudy login` keeps, so that later commands need no password.
///
/// It has the session, never the password. The file is its owner's alone.
struct SavedLogin: Codable {
  /// The URL of the manager's API.
  var url: String
  /// The file with the authority that the manager is trusted by; nil for the machine's own.
  var authorityFile: String?
  var user: String
  var session: String

  /// In the user's configuration folder (XDG Base Directory Specification).
  static func path() throws -> String {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") {
      return folder + "/understudy/login.json"
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else {
      throw UsageError("Neither XDG_CONFIG_HOME nor HOME says where a log-in is kept.")
    }
    return home + "/.config/understudy/login.json"
  }

  /// The log-in, or nil if there is none.
  static func load() throws -> SavedLogin? {
    guard let text = try PrivateFile.read(path()) else { return nil }
    return try? JSONDecoder().decode(SavedLogin.self, from: Data(text.utf8))
  }

  func save() throws {
    let path = try Self.path()
    try PrivateFile.makeFolder((path as NSString).deletingLastPathComponent)
    try PrivateFile.write(json: self, to: path)
  }

  /// Forgets the log-in.
  static func remove() throws {
    guard unlink(try path()) == 0 || errno == ENOENT else {
      throw UsageError("\(try path()) cannot be removed: \(String(cString: strerror(errno))).")
    }
  }
}
