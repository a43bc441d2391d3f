// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc
internal import Processes

/// A guestfish that is fed by a pipe, so that it ends, with its virtual machine, when we do.
///
/// One call at a time; whoever has it sees to that.
final class GuestfishProcess {
  private static let program = "guestfish"

  private let process: ChildProcess
  private let input: FileHandle
  private let output: FileHandle
  /// Ends every answer: nothing that a disk holds can know it.
  private let mark = "end-\(UUID().uuidString)"
  private var received = Data()
  private(set) var isEnded = false

  /// Starts the program, as `user` if there is one, with its files in a folder.
  init(folder: String, cacheFolder: String, user: FileReader.User?) throws(FileRestoreError) {
    // Writing to one that has ended must be an error, not our end; so must be its own writing to
    // a download that was given up, which inherits this.
    signal(SIGPIPE, SIG_IGN)
    let confined =
      user.map {
        [
          "setpriv", "--reuid=\($0.user)", "--regid=\($0.group)", "--clear-groups",
          "--no-new-privs", "--",
        ]
      } ?? []
    do throws(ChildProcess.Failure) {
      let (commands, input) = try ChildProcess.pipe()
      self.input = FileHandle(fileDescriptor: input, closeOnDealloc: true)
      defer { Glibc.close(commands) }
      let (output, answers) = try ChildProcess.pipe()
      self.output = FileHandle(fileDescriptor: output, closeOnDealloc: true)
      defer { Glibc.close(answers) }
      process = try ChildProcess(
        confined + ["stdbuf", "-oL", Self.program],
        environment: [
          "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          "LC_ALL": "C.UTF-8", "HOME": folder, "TMPDIR": folder, "LIBGUESTFS_TMPDIR": folder,
          "LIBGUESTFS_CACHEDIR": cacheFolder, "LIBGUESTFS_BACKEND": "direct",
          "LIBGUESTFS_BACKEND_SETTINGS": Self.backendSettings, "LIBGUESTFS_MEMSIZE": "768",
        ],
        in: folder,
        descriptors: [commands, answers, answers],
        ignoresBrokenPipes: true
      )
    } catch { throw .failed("guestfish cannot be started: \(error)") }
  }

  deinit { if !isEnded { process.leave() } }

  /// Where an operator says so, the virtual machine does without KVM.
  private static var backendSettings: String {
    ProcessInfo.processInfo.environment["LIBGUESTFS_BACKEND_SETTINGS"] ?? ""
  }

  /// Gives commands, one a line, and waits for what they print.
  ///
  /// - Throws: What the tool says if one of them fails; it goes on with the next command.
  @discardableResult
  func run(_ commands: String, limit: Duration) throws(FileRestoreError) -> String {
    try send(commands)
    return try awaitAnswer(limit: limit)
  }

  /// Waits for the answer to commands that were sent.
  func awaitAnswer(limit: Duration) throws(FileRestoreError) -> String {
    let deadline = ContinuousClock.now + limit
    while true {
      if let answer = try answer() { return answer }
      try wait(for: output.fileDescriptor, until: deadline)
      try receive()
    }
  }

  /// Gives commands and does not wait.
  func send(_ commands: String) throws(FileRestoreError) {
    guard !isEnded else { throw .failed("The session's guestfish has ended.") }
    // `-` before a command: go on if it fails.
    let text = commands.split(separator: "\n").map { "-\($0)\n" }.joined() + "echo \(mark)\n"
    do { try input.write(contentsOf: Data(text.utf8)) } catch {
      throw ended("guestfish has ended")
    }
  }

  /// Where answers arrive.
  var descriptor: Int32 { output.fileDescriptor }

  /// Takes in what has arrived; the descriptor must be readable.
  func receive() throws(FileRestoreError) {
    guard !isEnded else { throw .failed("The session's guestfish has ended.") }
    guard take() > 0 else { throw ended(Self.words(received)) }
    guard received.count < 4 << 20 else { throw ended("guestfish prints too much") }
  }

  /// Reads once; 0 at the output's end.
  private func take() -> Int {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = max(read(descriptor, &buffer, buffer.count), 0)
    received.append(contentsOf: buffer[..<count])
    return count
  }

  /// The answer to the commands sent last, if it is whole.
  func answer() throws(FileRestoreError) -> String? {
    guard let end = received.range(of: Data("\(mark)\n".utf8)) else { return nil }
    let text = String(decoding: received[..<end.lowerBound], as: UTF8.self)
    received = Data(received[end.upperBound...])
    if let error = Self.error(in: text) { throw .failed(error) }
    return text
  }

  /// Ends it without waiting, as when it does not answer.
  func kill() {
    guard !isEnded else { return }
    isEnded = true
    process.send(SIGKILL)
    process.leave()
  }

  /// Ends it in order, for which it has `limit`.
  func close(limit: Duration) {
    guard !isEnded else { return }
    try? input.close()
    let deadline = ContinuousClock.now + limit
    do throws(FileRestoreError) {
      // The output's end: neither guestfish nor its virtual machine is there any more.
      while true {
        try wait(for: descriptor, until: deadline)
        received.removeAll()
        guard take() > 0 else { return isEnded = true }
      }
    } catch { kill() }
  }

  private func wait(for descriptor: Int32, until deadline: ContinuousClock.Instant)
    throws(FileRestoreError)
  {
    let left = ContinuousClock.now.duration(to: deadline)
    var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard left > .zero, poll(&waited, 1, Int32(left.components.seconds * 1000 + 1)) > 0 else {
      throw ended("guestfish did not answer in time")
    }
  }

  private func ended(_ why: String) -> FileRestoreError {
    kill()
    return .failed(why)
  }

  private static func error(in text: String) -> String? {
    let line = text.split(separator: "\n").first { $0.contains("libguestfs: error: ") }
    return line.map {
      String($0[($0.range(of: "libguestfs: error: ")?.upperBound ?? $0.startIndex)...])
    }
  }

  private static func words(_ output: Data) -> String {
    let text = String(decoding: output.suffix(2000), as: UTF8.self)
    return error(in: text)
      ?? "guestfish ended: \(text.trimmingCharacters(in: .whitespacesAndNewlines))"
  }
}
