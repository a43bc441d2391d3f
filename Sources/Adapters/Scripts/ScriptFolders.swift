// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc

/// Where a manager keeps scripts and what they left.
package struct ScriptFolders: Sendable {
  /// The scripts there are: nothing else is ever run.
  package let repository: ScriptArea
  /// What scripts printed and the files they left, a folder for each run.
  package let output: ScriptArea
  /// A folder for each script that runs.
  let runs: String

  /// Makes the folders if they are missing, and removes what an earlier manager left of runs.
  package init(path: String) throws(ScriptError) {
    runs = path + "/runs"
    repository = ScriptArea(root: path + "/repository")
    output = ScriptArea(
      root: path + "/output",
      limits: ScriptArea.Limits(byteCount: 256 << 20, itemCount: 20_000)
    )
    // The scripts that wrote there ended with that manager.
    try? FileManager.default.removeItem(atPath: runs)
    for folder in [repository.root, output.root, runs] {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      } catch { throw .failed("\(folder) cannot be made: \(error)") }
      guard chmod(folder, 0o755) == 0 else {
        throw .failed("\(folder) cannot be prepared: \(reason()).")
      }
    }
  }

  /// Looks whether a script could be run.
  ///
  /// - Throws: What stands in the way.
  package func check(_ command: String) throws(ScriptError) { _ = try script(command) }

  /// The script that a command names: its path in the repository, with or without the folder in
  /// front, of a file that nobody but the manager's user or root can change.
  func script(_ command: String) throws(ScriptError) -> ScriptPath {
    let inside =
      command.hasPrefix(repository.root + "/")
      ? String(command.dropFirst(repository.root.count)) : command
    let path = try ScriptPath(inside)
    var folder = try repository.open(ScriptPath(names: []))
    try Self.refuseIfForeign(folder.status, "the repository")
    for name in path.names.dropLast() {
      guard let next = folder.open(name, O_RDONLY | O_DIRECTORY) else {
        throw .notFound("There is no script \(path) in the repository.")
      }
      folder = Descriptor(next)
      try Self.refuseIfForeign(folder.status, "the folder \(name)")
    }
    guard let file = folder.status(path.name), file.isFile else {
      throw .notFound("There is no script \(path) in the repository.")
    }
    try Self.refuseIfForeign(file, "the script \(path)")
    return path
  }

  private static func refuseIfForeign(_ status: stat?, _ what: String) throws(ScriptError) {
    guard let status, status.st_uid == 0 || status.st_uid == geteuid(),
      status.st_mode & (S_IWGRP | S_IWOTH) == 0
    else {
      throw .failed(
        "It is not run: others than the administrator can change \(what). It must belong to root "
          + "and be writable by nobody else."
      )
    }
  }

  /// Takes the oldest runs' output away, until there is room for more.
  func makeRoom() throws(ScriptError) {
    let root = ScriptPath(names: [])
    while true {
      let all = try output.everything(in: root)
      guard
        all.count > output.limits.itemCount / 2
          || all.reduce(0, { $0 + $1.byteCount }) > output.limits.byteCount / 2,
        let oldest = all.filter({ !$0.isFolder }).min(by: { $0.written < $1.written })
      else { return }
      try output.removeFile(oldest.path)
      // A folder that is empty now goes too.
      if !oldest.path.folder.isRoot {
        try? output.removeFolder(oldest.path.folder, withContent: false)
      }
    }
  }
}
