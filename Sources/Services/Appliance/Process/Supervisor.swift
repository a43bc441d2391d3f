// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc
package import Logging
internal import Processes
internal import Synchronization

/// The parent of an appliance's worker: it holds no connection and touches no disk, so it can
/// always act.
///
/// A worker that gives no sign of life for a second is killed, which closes its sockets and lets
/// the guests go; then a new one is started.
package final class Supervisor: Sendable {
  /// How long a worker may be silent.
  package static let patienceInMilliseconds: Int32 = 1000
  /// How long a worker may take to come up before its first sign of life.
  static let startInMilliseconds: Int32 = 15_000

  private let executable: String
  private let arguments: [String]
  private let logger: Logger
  private let current = Mutex<Worker>(Worker())

  private struct Worker {
    var process: Int32?
    var isStopping = false
  }

  /// Makes a supervisor that does nothing yet.
  ///
  /// - Parameters:
  ///   - executable: The worker's program, which writes its signs of life to standard output.
  ///   - arguments: The worker's arguments.
  ///   - logger: Where starts and ends are told.
  package init(executable: String, arguments: [String], logger: Logger) {
    self.executable = executable
    self.arguments = arguments
    self.logger = logger
  }

  /// Keeps a worker running until ``stop()``.
  ///
  /// Blocks the calling thread.
  package func run() throws {
    var failuresInARow = 0
    while !current.withLock({ $0.isStopping }) {
      let began = Date()
      try runOneWorker()
      failuresInARow = Date().timeIntervalSince(began) > 10 ? 0 : failuresInARow + 1
      guard !current.withLock({ $0.isStopping }) else { return }
      usleep(min(100_000 << UInt32(min(failuresInARow, 5)), 3_000_000))
    }
  }

  /// Ends the worker and then ``run()``.
  ///
  /// Called from another thread.
  package func stop() {
    current.withLock { worker in
      worker.isStopping = true
      if let process = worker.process { kill(process, SIGTERM) }
    }
  }

  private func runOneWorker() throws {
    let (reading, writing) = try ChildProcess.pipe()
    defer { close(reading) }
    let started = Result {
      try ChildProcess([executable] + arguments, descriptors: [nil, writing, STDERR_FILENO])
    }
    close(writing)
    let worker = try started.get()
    let identifier = worker.identifier
    let wasStopped = current.withLock { current in
      current.process = identifier
      return current.isStopping
    }
    if wasStopped { kill(identifier, SIGTERM) }
    logger.info("The worker was started.", metadata: ["pid": "\(identifier)"])
    let silence = listen(to: reading)
    if silence {
      logger.error(
        "The worker gave no sign of life and is killed, which lets its guests go.",
        metadata: ["pid": "\(identifier)"]
      )
      kill(identifier, SIGKILL)
    }
    let status = end(of: worker)
    logger.info(
      "The worker ended.",
      metadata: ["pid": "\(identifier)", "status": "\(status)"]
    )
  }

  /// Waits for the worker's end.
  private func end(of worker: ChildProcess) -> Int32 {
    worker.awaitEnd()
    // Its number is somebody else's from here on: ``stop()`` must not signal it any more.
    return current.withLock { current in
      current.process = nil
      return worker.wait()
    }
  }

  /// Returns when the worker closed the pipe (false) or fell silent (true).
  private func listen(to descriptor: Int32) -> Bool {
    var patience = Self.startInMilliseconds
    var bytes: [UInt8] = Array(repeating: 0, count: 64)
    while true {
      var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&waited, 1, patience)
      if ready < 0 && errno == EINTR { continue }
      if ready == 0 { return true }
      let count = read(descriptor, &bytes, bytes.count)
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return false }
      patience = Self.patienceInMilliseconds
    }
  }
}
