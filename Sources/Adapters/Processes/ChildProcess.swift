// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Foundation
internal import Glibc

/// A program that runs as a process of its own, in a process group of its own.
///
/// It has the descriptors it is given and no other, no signal blocked, and those handled as usual
/// that end programs. Somebody must see it to its end, by ``wait()`` or ``leave()``.
///
/// Foundation's `Process` is not used: under many threads it was seen to read memory that was not
/// its own while it started a program (docs/decisions/2026-11-29-starting-programs.md).
package struct ChildProcess: Sendable {
  package let identifier: Int32

  /// Why a program was not started, in words.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// What this process may have ignored or taken for itself, and a child may not.
  private static let usualSignals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD]

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - command: The program, a path or a name that our `PATH` finds, and its arguments.
  ///   - environment: All it has; without one it has ours.
  ///   - folder: Where it works; without one where we do.
  ///   - descriptors: What it has as descriptors 0, 1 and so on; nil is `/dev/null`. They stay open
  ///     here.
  ///   - ignoresBrokenPipes: Whether it gets an error where it writes to what nobody reads; else it
  ///     is ended.
  /// - Throws: A failure if there is no such program, or no room for a process.
  package init(
    _ command: [String],
    environment: [String: String]? = nil,
    in folder: String? = nil,
    descriptors: [Int32?] = [nil, nil, nil],
    ignoresBrokenPipes: Bool = false
  ) throws(Failure) {
    precondition(!command.isEmpty, "a command has a program")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    Self.place(descriptors, &actions)
    if let folder { _ = understudy_spawn_in(&actions, folder) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    Self.reset(&attributes, ignoresBrokenPipes: ignoresBrokenPipes)
    let environment = environment ?? ProcessInfo.processInfo.environment
    let texts = command.map { strdup($0) } + [nil]
    let settings = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in texts + settings { free(text) } }
    var process: pid_t = 0
    let status = posix_spawnp(&process, command[0], &actions, &attributes, texts, settings)
    guard status == 0 else {
      throw Failure(
        description: "\(command[0]) cannot be started: \(String(cString: strerror(status)))"
      )
    }
    identifier = process
  }

  private static func place(
    _ descriptors: [Int32?],
    _ actions: inout posix_spawn_file_actions_t
  ) {
    // Each goes out of the way first: the kernel may have given us one of the first numbers.
    let spare = max(Int32(descriptors.count), descriptors.compactMap(\.self).max() ?? 0) + 1
    for (index, descriptor) in descriptors.enumerated() {
      guard let descriptor else { continue }
      posix_spawn_file_actions_adddup2(&actions, descriptor, spare + Int32(index))
    }
    for (index, descriptor) in descriptors.enumerated() {
      if descriptor == nil {
        posix_spawn_file_actions_addopen(&actions, Int32(index), "/dev/null", O_RDWR, 0)
      } else {
        posix_spawn_file_actions_adddup2(&actions, spare + Int32(index), Int32(index))
      }
    }
    _ = understudy_spawn_closing_from(&actions, Int32(descriptors.count))
  }

  private static func reset(_ attributes: inout posix_spawnattr_t, ignoresBrokenPipes: Bool) {
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in usualSignals { sigaddset(&signals, signal) }
    if !ignoresBrokenPipes { sigaddset(&signals, SIGPIPE) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
    )
  }

  /// Runs a program to its end: its status, as ``wait()`` says it, and all it printed.
  ///
  /// Blocks the calling thread. `input` is what it may read: at most 64 KiB.
  package static func run(
    _ command: [String],
    in folder: String? = nil,
    input: String = ""
  ) throws(Failure) -> (status: Int32, printed: String) {
    let bytes = Array(input.utf8)
    precondition(bytes.count <= 1 << 16, "a pipe takes no more at once")
    let (theirInput, ourInput) = try pipe()
    defer { close(theirInput) }
    let isGiven = write(ourInput, bytes, bytes.count) == bytes.count
    close(ourInput)
    guard isGiven else { throw Failure(description: "its input cannot be kept") }
    let (ourOutput, theirOutput) = try pipe()
    let output = FileHandle(fileDescriptor: ourOutput, closeOnDealloc: true)
    let child: ChildProcess
    do {
      // Its output ends when nobody has its other end any more.
      defer { close(theirOutput) }
      child = try ChildProcess(
        command,
        in: folder,
        descriptors: [theirInput, theirOutput, theirOutput]
      )
    }
    let printed = (try? output.readToEnd()) ?? Data()
    return (child.wait(), String(decoding: printed, as: UTF8.self))
  }

  /// A pipe's ends, which no program gets but by being given them.
  package static func pipe() throws(Failure) -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    let failure = understudy_pipe(&ends)
    guard failure == 0 else {
      throw Failure(description: "no pipe can be made: \(String(cString: strerror(-failure)))")
    }
    return (ends[0], ends[1])
  }

  /// Sends a signal; the process must not have been waited for.
  package func send(_ signal: Int32) { kill(identifier, signal) }

  /// Returns when it has ended, and leaves its number to it until ``wait()`` is called.
  package func awaitEnd() {
    var ended = siginfo_t()
    while waitid(P_PID, id_t(identifier), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
  }

  /// Waits for its end: the status it exited with, or 128 and the signal that ended it.
  package func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    return Self.exitStatus(status)
  }

  /// Its end, as ``wait()`` says it, if it has ended.
  package func poll() -> Int32? {
    var status: Int32 = 0
    return waitpid(identifier, &status, WNOHANG) == identifier ? Self.exitStatus(status) : nil
  }

  /// Leaves it alone: a thread of its own takes its end, whenever that is.
  package func leave() {
    let process = self
    Thread.detachNewThread { _ = process.wait() }
  }

  private static func exitStatus(_ status: Int32) -> Int32 {
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }
}
