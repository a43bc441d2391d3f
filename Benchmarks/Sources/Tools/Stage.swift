// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// What one benchmark has started and made; it is ended and removed in the opposite order, also
/// when the run is interrupted.
final class Stage: Sendable {
  private static let open = Mutex<[Stage]>([])
  private static let isInterrupted = Atomic<Bool>(false)

  /// A folder of its own on the disk.
  let folder: String
  private let closers = Mutex<[@Sendable () -> Void]>([])

  init() throws {
    while Self.isInterrupted.load(ordering: .acquiring) { pause() }
    folder = "\(Machine.scratchFolder)/\(UInt32.random(in: 0...UInt32.max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    Self.open.withLock { $0.append(self) }
  }

  /// Does something at the end.
  func onClose(_ body: @escaping @Sendable () -> Void) { closers.withLock { $0.append(body) } }

  /// Starts a program that ends with the stage.
  func start(_ name: String, _ arguments: [String]) throws -> Program {
    let program = try Program(name, arguments, log: log)
    onClose { program.stop() }
    return program
  }

  /// Ends everything; again has no effect.
  ///
  /// Once the run is interrupted it does not return: the interruption ends everything.
  func close() {
    while Self.isInterrupted.load(ordering: .acquiring) { pause() }
    closeNow()
  }

  private func closeNow() {
    while let closer = closers.withLock({ $0.popLast() }) { closer() }
    try? FileManager.default.removeItem(atPath: folder)
    Self.open.withLock { stages in stages.removeAll { $0 === self } }
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// Takes what programs say to standard error.
  var log: String { path("log") }

  /// The end of the log.
  var lastWords: String {
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(8).joined(separator: "\n  ")
  }

  /// Closes every stage when the run is interrupted, and ends the process.
  static func closeAllOnSignals() {
    pipe(&signalPipe)
    for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { _ in writeToSignalPipe() } }
    let thread = Thread {
      var byte: UInt8 = 0
      guard read(signalPipe[0], &byte, 1) == 1 else { return }
      isInterrupted.store(true, ordering: .releasing)
      for stage in open.withLock({ $0 }).reversed() { stage.closeNow() }
      _exit(130)
    }
    thread.start()
  }
}

/// Written before the handlers are set and only read afterwards.
nonisolated(unsafe) private var signalPipe: [Int32] = [0, 0]

/// A signal's handler may do no more.
private func writeToSignalPipe() {
  var byte: UInt8 = 1
  _ = write(signalPipe[1], &byte, 1)
}
