// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

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

  private let location: String
  private let kept: Kept
  private var process: pid_t?
  private var input: Int32
  private var output: Int32
  private var errors: Int32
  private var printed: [UInt8] = []
  private var words: [UInt8] = []
  private var piece = [UInt8](repeating: 0, count: 1 << 20)

  init(
    _ arguments: [String],
    in repository: ResticRepository,
    keeping kept: Kept
  ) throws(ResticError) {
    self.kept = kept
    location = repository.location
    // Writing to one that has ended must be an error, not our end.
    signal(SIGPIPE, SIG_IGN)
    var pipes: [[Int32]] = []
    for _ in 0..<4 {
      var ends: [Int32] = [-1, -1]
      let failure = understudy_pipe(&ends)
      guard failure == 0 else {
        for end in pipes.joined() { close(end) }
        throw .failed("no pipe can be made: \(String(cString: strerror(-failure)))")
      }
      pipes.append(ends)
    }
    let (stdin, stdout, stderr, password) = (pipes[0], pipes[1], pipes[2], pipes[3])
    // A pipe takes so few bytes at once.
    let secret = Array(repository.password.utf8)
    let isGiven = secret.count <= 4096 && write(password[1], secret, secret.count) == secret.count
    close(password[1])
    let started = Self.spawn(
      arguments,
      repository,
      [stdin[0], stdout[1], stderr[1], password[0]]
    )
    for end in [stdin[0], stdout[1], stderr[1], password[0]] { close(end) }
    (input, output, errors) = (stdin[1], stdout[0], stderr[0])
    switch started {
    case .success(let process): self.process = process
    case .failure(let error):
      closeAll()
      throw error
    }
    for end in [input, output, errors] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    guard isGiven else {
      end()
      throw .failed("the repository's password is too long")
    }
  }

  deinit { end() }

  private static func spawn(
    _ arguments: [String],
    _ repository: ResticRepository,
    _ descriptors: [Int32]
  ) -> Result<pid_t, ResticError> {
    var environment = repository.environment
    environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    environment["TZ"] = "UTC"
    environment["RESTIC_REPOSITORY"] = repository.location
    environment["RESTIC_PASSWORD_FILE"] = "/dev/fd/3"
    environment["RESTIC_CACHE_DIR"] = repository.cacheFolder
    let command =
      ["setpriv", "--no-new-privs", "--inh-caps=-all", "--pdeathsig=KILL", "--"]
      + ["nice", "-n", "19", "restic"] + arguments
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Each goes out of the way first: the kernel may have given us 0 to 3 themselves.
    let spare = max(3, descriptors.max() ?? 3) + 1
    for (index, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, spare + Int32(index))
    }
    for index in descriptors.indices {
      posix_spawn_file_actions_adddup2(&actions, spare + Int32(index), Int32(index))
    }
    understudy_spawn_closing_from(&actions, 4)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
    )
    var process: pid_t = 0
    let texts = command.map { strdup($0) } + [nil]
    let settings = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in texts + settings { free(text) } }
    let status = posix_spawnp(&process, command[0], &actions, &attributes, texts, settings)
    guard status == 0 else {
      return .failure(.failed("restic cannot be started: \(String(cString: strerror(status)))"))
    }
    return .success(process)
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
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
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
      kill(-process, SIGINT)
      let deadline = ContinuousClock.now + Self.endLimit
      var status: Int32 = 0
      while waitpid(process, &status, WNOHANG) == 0 {
        if ContinuousClock.now > deadline { kill(-process, SIGKILL) }
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
    if case .all(let limit) = kept, printed.count > limit {
      end()
      throw .failed("restic prints more than \(limit) bytes")
    }
  }

  private func drain() {
    if Self.take(&errors, &words, &piece) { words = words.suffix(Self.wordsLimit) }
    switch kept {
    case .none: break
    case .last(let limit):
      if Self.take(&output, &printed, &piece) { printed = printed.suffix(limit) }
    case .all: _ = Self.take(&output, &printed, &piece)
    }
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
