// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NBDTransport

/// A folder of one test's own, with a name short enough for sockets.
struct TemporaryFolder {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory.path + "/nbd-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  func file(_ name: String) -> String { path + "/" + name }

  /// Makes a file that holds `content`.
  func makeFile(_ name: String, _ content: [UInt8] = []) throws {
    try Data(content).write(to: URL(fileURLWithPath: file(name)))
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// `count` bytes that look random and are the same for the same seed.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed
  let words = (0..<(count + 7) / 8).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
  return words.withUnsafeBytes { Array($0.prefix(count)) }
}

/// Serves `exports` on a socket while `body` runs.
func withServer(
  _ exports: [String: MemoryExport],
  names: [String]? = nil,
  _ body: (_ socketPath: String, _ server: NBDServer, _ folder: TemporaryFolder) throws -> Void
) throws {
  let folder = try TemporaryFolder()
  defer { folder.remove() }
  let socketPath = folder.file("s")
  let server = try NBDServer(socketPath: socketPath, names: { names }, exports: { exports[$0] })
  try server.start()
  defer { server.stop() }
  try body(socketPath, server, folder)
}

/// A program of the machine's, run to its end.
struct Tool {
  let path: String

  init(_ name: String) {
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"]
    path =
      folders.map { $0 + "/" + name }
      .first { FileManager.default.isExecutableFile(atPath: $0) } ?? ""
  }

  var isInstalled: Bool { !path.isEmpty }

  struct Outcome {
    /// As `waitpid` gives it: 0 is success.
    let status: Int32
    /// What it printed and complained.
    let output: String
  }

  /// Runs the program; what it prints goes to a file, so that a daemon it leaves behind keeps
  /// nobody waiting, as `Foundation.Process` would.
  func run(_ arguments: [String]) throws -> Outcome {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let outputPath = folder.file("output")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // The threads that run tests block signals, and a child would keep it that way.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var noSignals = sigset_t()
    sigemptyset(&noSignals)
    posix_spawnattr_setsigmask(&attributes, &noSignals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    defer { for word in words { free(word) } }
    words.append(nil)
    var process = pid_t()
    let failure = posix_spawn(&process, path, &actions, &attributes, words, environ)
    guard failure == 0 else { throw POSIXError(.init(rawValue: failure) ?? .EIO) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return Outcome(
      status: status,
      output: try String(contentsOfFile: outputPath, encoding: .utf8)
    )
  }

  func run(_ arguments: String...) throws -> Outcome { try run(arguments) }
}
