// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Processes

/// One restic that runs, confined and at the lowest priority, in a process group of its own.
///
/// It gets its password through a pipe as descriptor 3, an environment of only what it needs, and
/// no descriptor of ours. The kernel ends it when the thread that started it ends: whoever makes
/// one sees it to its end in the same call, on the same thread.
final class ResticProcess {
  /// What is kept of what it prints.
  enum Kept {
    /// ``ResticProcess/receive(isWanted:_:)`` takes it.
    case none
    case last(Int)
    /// More is an error.
    case all(below: Int)
  }

  /// Between two questions of whether it is still wanted.
  private static let patienceInMilliseconds: Int32 = 200
  /// For its locks to be taken away, before it is killed.
  private static let endLimit = Duration.seconds(5)
  private static let wordsLimit = 1 << 14
  /// restic's, before it says why, where a try failed that it repeats.
  private static let retrying = "returned error, retrying after "

  private let location: String
  private let patience: Duration
  private let kept: Kept
  private var process: ChildProcess?
  private var input: Int32
  private var output: Int32
  private var errors: Int32
  private var printed: [UInt8] = []
  private var words: [UInt8] = []
  /// From when on each try has failed, and nothing was moved.
  private var failingSince: ContinuousClock.Instant?
  private var hasFailedTooLong = false
  private var piece = [UInt8](repeating: 0, count: 1 << 20)

  init(
    _ arguments: [String],
    in repository: ResticRepository,
    keeping kept: Kept
  ) throws(ResticError) {
    self.kept = kept
    location = repository.location
    patience = repository.patience
    // Writing to one that has ended must be an error, not our end.
    signal(SIGPIPE, SIG_IGN)
    var pipes: [(reading: Int32, writing: Int32)] = []
    do {
      for _ in 0..<4 { pipes.append(try ChildProcess.pipe()) }
    } catch {
      for end in pipes.flatMap({ [$0.reading, $0.writing] }) { close(end) }
      throw .failed(error.description)
    }
    let (stdin, stdout, stderr, password) = (pipes[0], pipes[1], pipes[2], pipes[3])
    // A pipe takes so few bytes at once.
    let secret = Array(repository.password.utf8)
    let isGiven =
      secret.count <= 4096 && write(password.writing, secret, secret.count) == secret.count
    close(password.writing)
    let theirs = [stdin.reading, stdout.writing, stderr.writing, password.reading]
    defer { for end in theirs { close(end) } }
    (input, output, errors) = (stdin.writing, stdout.reading, stderr.reading)
    do {
      process = try Self.start(arguments, repository, theirs)
    } catch {
      closeAll()
      throw .failed(error.description)
    }
    for end in [input, output, errors] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    guard isGiven else {
      end()
      throw .failed("the repository's password is too long")
    }
  }

  deinit { end() }

  private static func start(
    _ arguments: [String],
    _ repository: ResticRepository,
    _ descriptors: [Int32]
  ) throws(ChildProcess.Failure) -> ChildProcess {
    var environment = repository.environment
    environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    environment["TZ"] = "UTC"
    environment["RESTIC_REPOSITORY"] = repository.location
    environment["RESTIC_PASSWORD_FILE"] = "/dev/fd/3"
    environment["RESTIC_CACHE_DIR"] = repository.cacheFolder
    return try ChildProcess(
      ["setpriv", "--no-new-privs", "--inh-caps=-all", "--pdeathsig=KILL", "--"]
        + ["nice", "-n", "19", "restic"] + arguments,
      environment: environment,
      descriptors: descriptors
    )
  }

  // MARK: Talking

  /// Hands bytes over.
  func send(
    _ bytes: UnsafeRawBufferPointer,
    isWanted: () -> Bool
  ) throws(ResticError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = write(input, rest.baseAddress, rest.count)
      if count > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        failingSince = nil
      } else if errno == EAGAIN {
        try wait(for: input, isWanted)
      } else if errno != EINTR {
        // It has ended, and has said why.
        _ = try finish(isWanted: isWanted)
        throw .failed("restic ended before it had everything")
      }
    }
  }

  func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  /// Takes the next bytes it prints; false at their end.
  func receive(
    isWanted: () -> Bool,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> Bool {
    while true {
      let count = read(output, &piece, piece.count)
      if count > 0 {
        failingSince = nil
        try piece.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        return true
      }
      if count == 0 {
        close(output)
        output = -1
        return false
      }
      if errno == EAGAIN {
        try wait(for: nil, isWanted)
      } else if errno != EINTR {
        throw ResticError.failed("restic cannot be read: \(String(cString: strerror(errno)))")
      }
    }
  }

  /// Says that there is no more, waits for its end, and returns what was kept of its words.
  ///
  /// - Throws: What it says if it ended without success.
  func finish(isWanted: () -> Bool) throws(ResticError) -> [UInt8] {
    closeInput()
    while output >= 0 || errors >= 0 { try wait(for: nil, isWanted) }
    guard let process else { throw .cancelled }
    let status = process.wait()
    self.process = nil
    guard status == 0 else {
      throw ResticError(
        output: String(decoding: words + printed.suffix(Self.wordsLimit), as: UTF8.self),
        location: location
      )
    }
    return printed
  }

  /// Ends it, if it has not ended, and returns when it is gone.
  ///
  /// Its input is closed last: it takes that for the end of a stream that is to be kept.
  func end() {
    if let process {
      kill(-process.identifier, SIGINT)
      let deadline = ContinuousClock.now + Self.endLimit
      while process.poll() == nil {
        if ContinuousClock.now > deadline { kill(-process.identifier, SIGKILL) }
        drain()
        usleep(10_000)
      }
    }
    process = nil
    closeAll()
  }

  private func closeAll() {
    closeInput()
    for descriptor in [output, errors] where descriptor >= 0 { close(descriptor) }
    (output, errors) = (-1, -1)
  }

  /// Waits a little for something to be possible, and takes in what it says meanwhile.
  private func wait(for writable: Int32?, _ isWanted: () -> Bool) throws(ResticError) {
    guard isWanted() else {
      end()
      throw .cancelled
    }
    var waited = [pollfd(fd: errors, events: Int16(POLLIN), revents: 0)]
    if output >= 0 { waited.append(pollfd(fd: output, events: Int16(POLLIN), revents: 0)) }
    if let writable { waited.append(pollfd(fd: writable, events: Int16(POLLOUT), revents: 0)) }
    _ = poll(&waited, nfds_t(waited.count), Self.patienceInMilliseconds)
    drain()
    if hasFailedTooLong {
      end()
      throw .unreachable(
        "\(location) has failed every try for \(patience.components.seconds) seconds: \(failure)"
      )
    }
    if case .all(let limit) = kept, printed.count > limit {
      end()
      throw .failed("restic prints more than \(limit) bytes")
    }
  }

  private func drain() {
    let count = words.count
    if Self.take(&errors, &words, &piece) {
      noteFailures(in: words[count...])
      words = words.suffix(Self.wordsLimit)
    }
    switch kept {
    case .none: break
    case .last(let limit):
      if Self.take(&output, &printed, &piece) { printed = printed.suffix(limit) }
    case .all: _ = Self.take(&output, &printed, &piece)
    }
  }

  /// Only what goes on failing counts: between two failures something may have been moved that is
  /// not seen here, and after the last one everything may be well.
  private func noteFailures(in words: ArraySlice<UInt8>) {
    if case .all = kept { return }
    guard String(decoding: words, as: UTF8.self).contains(Self.retrying) else { return }
    let now = ContinuousClock.now
    let since = failingSince ?? now
    failingSince = since
    hasFailedTooLong = hasFailedTooLong || now - since >= patience
  }

  /// Why the last try failed.
  private var failure: String {
    let lines = String(decoding: words, as: UTF8.self).split(separator: "\n")
    return lines.last { $0.contains(Self.retrying) }.map(String.init) ?? ""
  }

  /// Takes what has arrived, and closes the descriptor at its end; false if there was nothing.
  private static func take(
    _ descriptor: inout Int32,
    _ text: inout [UInt8],
    _ piece: inout [UInt8]
  ) -> Bool {
    guard descriptor >= 0 else { return false }
    let count = read(descriptor, &piece, piece.count)
    if count > 0 {
      text.append(contentsOf: piece[..<count])
      return true
    }
    if count == 0 || (errno != EAGAIN && errno != EINTR) {
      close(descriptor)
      descriptor = -1
    }
    return false
  }
}
