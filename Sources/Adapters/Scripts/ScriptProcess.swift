// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Foundation
internal import Glibc
internal import Synchronization

/// One running script with all it starts, on a thread of its own: the kernel ends them with it.
///
/// It may be ended from anywhere.
final class ScriptProcess: Sendable {
  struct Plan: Sendable {
    var repository: String
    var outputFolder: String
    var arguments: [String]
    var environment: [String]
    var user: UInt32
    var group: UInt32
    var timeout: Duration
  }

  struct Result: Sendable {
    var ending: ScriptResult.Ending
    var printed: [UInt8]
  }

  /// What is kept of what it prints; the rest is read and forgotten.
  static let printedLimit = 1 << 20
  /// How long the kernel may take to end what was killed; a process that is stuck in the kernel is
  /// left to it.
  private static let killLimit = Duration.seconds(5)

  private struct State {
    /// While it runs, and nobody has closed it.
    var handle: Int32?
    var isStopped = false
  }

  private let state = Mutex(State())

  /// Runs the script to its end.
  func run(_ plan: Plan) async -> Result {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        Thread.detachNewThread { self.work(plan) { continuation.resume(returning: $0) } }
      }
    } onCancel: {
      self.stop()
    }
  }

  private func stop() {
    state.withLock { state in
      state.isStopped = true
      if let handle = state.handle { understudy_end_script(handle) }
    }
  }

  private func work(_ plan: Plan, _ tell: (Result) -> Void) {
    var ends: [Int32] = [-1, -1]
    let made = understudy_open_pipe(&ends)
    guard made == 0 else {
      return tell(Result(ending: .refused(Self.words(made, 0, plan)), printed: []))
    }
    let reading = Descriptor(ends[0])
    let writing = ends[1]
    // Ours alone: the script waits where its output does.
    _ = fcntl(reading.number, F_SETFL, O_NONBLOCK)
    let (process, handle) = start(plan, printingTo: writing)
    close(writing)
    guard process > 0 else {
      return tell(Result(ending: .refused(Self.words(process, handle, plan)), printed: []))
    }
    state.withLock { state in
      state.handle = handle
      if state.isStopped { understudy_end_script(handle) }
    }
    var printed: [UInt8] = []
    let deadline = ContinuousClock.now + plan.timeout
    let isOver = Self.wait(for: handle, until: deadline, reading: reading, into: &printed)
    var hasEnded = isOver
    if !isOver {
      understudy_end_script(handle)
      hasEnded = Self.wait(
        for: handle,
        until: .now + Self.killLimit,
        reading: reading,
        into: &printed
      )
    }
    let isStopped = state.withLock { state in
      state.handle = nil
      return state.isStopped
    }
    var status: Int32 = 0
    if hasEnded { Self.collect(process, &status) }
    tell(
      Result(
        ending: isStopped
          ? .stopped : isOver ? .exited(Self.exitStatus(status)) : .timedOut,
        printed: printed
      )
    )
    // Whoever asked knows; this thread stays until the kernel is done.
    if !hasEnded { Self.collect(process, &status) }
    close(handle)
  }

  /// The process and its handle, or a negative error and the step that failed.
  private func start(_ plan: Plan, printingTo printed: Int32) -> (pid_t, Int32) {
    var handle: Int32 = -1
    var failed = understudy_script_namespace
    let process = Self.withCStrings(plan.arguments) { arguments in
      Self.withCStrings(plan.environment) { environment in
        plan.repository.withCString { repository in
          plan.outputFolder.withCString { output in
            var script = understudy_script(
              repository: repository,
              output: output,
              arguments: arguments,
              environment: environment,
              user: plan.user,
              group: plan.group,
              printed: printed
            )
            return understudy_start_script(&script, &handle, &failed)
          }
        }
      }
    }
    return process > 0 ? (process, handle) : (process, Int32(failed.rawValue))
  }

  private static func withCStrings<Result>(
    _ texts: [String],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    // A text ends at its first zero byte for whoever reads it.
    var copies: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    copies.append(nil)
    defer { copies.forEach { free($0) } }
    return copies.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { preconditionFailure("it has at least its end") }
      return body(base)
    }
  }

  /// Whether the script ended in time; what it prints is taken in meanwhile.
  private static func wait(
    for handle: Int32,
    until deadline: ContinuousClock.Instant,
    reading: borrowing Descriptor,
    into printed: inout [UInt8]
  ) -> Bool {
    var isPrinting = true
    while true {
      let left = ContinuousClock.now.duration(to: deadline)
      var waited = [
        pollfd(fd: handle, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isPrinting ? reading.number : -1, events: Int16(POLLIN), revents: 0),
      ]
      let milliseconds = left / .milliseconds(1)
      _ = poll(&waited, 2, Int32(min(max(milliseconds.rounded(.up), 0), 60_000)))
      if waited[1].revents != 0 { isPrinting = take(reading, into: &printed) }
      if waited[0].revents != 0 {
        // All that printed has ended; what is left in the pipe is the last of it.
        while isPrinting { isPrinting = take(reading, into: &printed) }
        return true
      }
      if left <= .zero { return false }
    }
  }

  /// Takes in what is there; whether more may come.
  private static func take(_ reading: borrowing Descriptor, into printed: inout [UInt8]) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = read(reading.number, &buffer, buffer.count)
    guard count > 0 else { return false }
    printed += buffer[..<min(count, printedLimit - printed.count)]
    return true
  }

  private static func collect(_ process: pid_t, _ status: inout Int32) {
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
  }

  private static func exitStatus(_ status: Int32) -> Int {
    let signal = status & 0x7F
    return Int(signal == 0 ? (status >> 8) & 0xFF : 128 + signal)
  }

  private static func words(_ error: pid_t, _ step: Int32, _ plan: Plan) -> String {
    let why = String(cString: strerror(-error))
    return switch UInt32(step) {
    case understudy_script_folders.rawValue: "Its folders cannot be prepared: \(why)."
    case understudy_script_limits.rawValue: "Its limits cannot be set: \(why)."
    case understudy_script_user.rawValue:
      "It cannot be run as the user with the number \(plan.user): \(why)."
    case understudy_script_program.rawValue where -error == ENOEXEC:
      "It is no program: a script begins with #! and the path of its interpreter."
    case understudy_script_program.rawValue where -error == ENOENT:
      "The interpreter that its first line names is not on this machine."
    case understudy_script_program.rawValue: "It cannot be run: \(why)."
    default: "No process of its own can be made for it, which needs a manager that is root: \(why)."
    }
  }
}
