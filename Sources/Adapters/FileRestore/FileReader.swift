// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc
internal import Synchronization

/// Reads files of disks that NBD exports offer.
///
/// The disks are nobody we trust: our kernel never mounts them. A virtual machine of libguestfs
/// does, under guestfish, and writes go to an overlay of its own, so that the journal of a file
/// system that was in use is replayed. All calls block; one runs at a time.
package final class FileReader: Sendable {
  /// A disk as an NBD export on a Unix socket.
  package struct Disk: Sendable {
    /// What its file systems are named after: `vda`.
    package var name: String
    package var socketPath: String
    package var exportName: String

    package init(name: String, socketPath: String, exportName: String) {
      self.name = name
      self.socketPath = socketPath
      self.exportName = exportName
    }
  }

  /// Whom the program runs as.
  package struct User: Sendable {
    package var user: UInt32
    package var group: UInt32

    package init(user: UInt32, group: UInt32) {
      self.user = user
      self.group = group
    }
  }

  /// Making the virtual machine's image, the first time, and starting it without KVM.
  private static let startLimit = Duration.seconds(300)
  private static let callLimit = Duration.seconds(60)
  private static let endLimit = Duration.seconds(15)
  private static let isBusy =
    "Something is being downloaded or compared: the session can do one thing at a time."
  /// Names of file systems that are none to be read.
  private static let unreadable: Set = ["swap", "unknown", "LVM2_member", "crypto_LUKS"]

  private struct State: ~Copyable {
    let process: GuestfishProcess
    var isReading = false
    var transferCount = 0
  }

  private let state: Mutex<State>
  private let folder: String
  private let user: User?
  /// The file systems there are, as folders of the root: `vda1`.
  package let fileSystems: [String]
  /// The file systems that could not be read, and why.
  package let problems: [String]

  /// Starts the virtual machine and mounts every file system that can be.
  ///
  /// `folder` takes its files and is deleted by ``close()``; `cacheFolder` keeps the machine's
  /// image (some 370 MB) for the next time. Both are given to `user`.
  ///
  /// - Throws: A failure in words if no file system can be read.
  package init(
    disks: [Disk],
    folder: String,
    cacheFolder: String,
    user: User?
  ) throws(FileRestoreError) {
    for path in [folder, cacheFolder] { try Self.make(path, for: user) }
    let process = try GuestfishProcess(folder: folder, cacheFolder: cacheFolder, user: user)
    do throws(FileRestoreError) {
      for disk in disks {
        try process.run(
          "add-drive \(GuestPath.quoted(disk.exportName)) readonly:true format:raw protocol:nbd "
            + "\(GuestPath.quoted("server:unix:" + disk.socketPath))",
          limit: Self.callLimit
        )
      }
      try process.run("launch", limit: Self.startLimit)
      (fileSystems, problems) = try Self.mount(disks, with: process)
    } catch {
      process.close(limit: Self.endLimit)
      try? FileManager.default.removeItem(atPath: folder)
      throw error
    }
    self.folder = folder
    self.user = user
    state = Mutex(State(process: process))
  }

  /// Ends the virtual machine and deletes its files.
  package func close() {
    state.withLock { $0.process.close(limit: Self.endLimit) }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Whether the virtual machine has ended by itself.
  package var isEnded: Bool { state.withLock { $0.process.isEnded } }

  /// A part of a folder: `count` entries from the one at `first` on, by name.
  ///
  /// A count of 0 asks what there is, which may be something else than a folder.
  package func list(_ path: String, first: Int, count: Int) throws(FileRestoreError) -> FileListing
  {
    let path = try GuestPath(path)
    return try calling { process throws(FileRestoreError) in
      let entry = try Self.entry(path.text, process)
      if count == 0 { return FileListing(folder: entry, entries: [], totalCount: 0) }
      guard entry.kind == .folder else { throw .invalid("\(path.text) is not a folder.") }
      let file = self.folder + "/names"
      _ = try Self.failing(path.text) { () throws(FileRestoreError) in
        try process.run(
          "ls0 \(GuestPath.quoted(path.text)) \(GuestPath.quoted(file))",
          limit: Self.callLimit
        )
      }
      let names = (FileManager.default.contents(atPath: file) ?? Data()).split(separator: 0)
        .map { String(decoding: $0, as: UTF8.self) }.sorted()
      unlink(file)
      var entries: [FileEntry] = []
      for name in names.dropFirst(max(first, 0)).prefix(max(count, 0)) {
        entries.append(try Self.entry(path.entry(name), process))
      }
      return FileListing(folder: entry, entries: entries, totalCount: names.count)
    }
  }

  /// The content of a file, or a folder as a tar archive (POSIX pax as GNU tar writes it).
  ///
  /// Until it is read to its end or closed, the session is busy.
  package func content(of path: String) throws(FileRestoreError) -> FileContent {
    let path = try GuestPath(path)
    let entry = try calling { process throws(FileRestoreError) in
      try Self.entry(path.text, process)
    }
    let command: String
    switch entry.kind {
    case .folder: command = "tar-out"
    case .file: command = "download"
    case .link: throw .invalid("\(path.text) is a symbolic link; download what it points to.")
    case .special: throw .invalid("\(path.text) is neither a file nor a folder.")
    }
    let isFile = entry.kind == .file
    try claim()
    return try stream(
      "\(command) \(GuestPath.quoted(path.text))",
      options: isFile ? "" : "numericowner:true",
      byteCount: isFile ? entry.byteCount : nil
    )
  }

  /// Has the virtual machine make a file, streams it and has it deleted.
  ///
  /// `preparation`, which makes the file at `path`, has `limit`; the session is busy meanwhile, and
  /// ``close()`` ends it.
  func made(
    by preparation: String,
    at path: String,
    limit: Duration
  ) throws(FileRestoreError) -> FileContent {
    let removal = "rm-f \(GuestPath.quoted(path))"
    try claim()
    do throws(FileRestoreError) {
      try state.withLock { state throws(FileRestoreError) in try state.process.send(preparation) }
      try awaitAnswer(limit: limit)
    } catch {
      state.withLock { state in
        _ = try? state.process.run(removal, limit: Self.callLimit)
        state.isReading = false
      }
      throw error
    }
    return try stream("download \(GuestPath.quoted(path))", then: removal)
  }

  /// Takes the session for something that goes on after the call.
  private func claim() throws(FileRestoreError) {
    try state.withLock { state throws(FileRestoreError) in
      guard !state.isReading else { throw .busy(Self.isBusy) }
      state.isReading = true
    }
  }

  /// Starts a command that writes to a pipe, for who has claimed the session.
  private func stream(
    _ command: String,
    options: String = "",
    byteCount: UInt64? = nil,
    then next: String = ""
  ) throws(FileRestoreError) -> FileContent {
    try state.withLock { state throws(FileRestoreError) in
      do throws(FileRestoreError) {
        state.transferCount += 1
        let pipe = folder + "/transfer-\(state.transferCount)"
        guard mkfifo(pipe, 0o600) == 0, user.map({ lchown(pipe, $0.user, $0.group) }) ?? 0 == 0
        else { throw .failed("no pipe can be made in \(folder)") }
        let descriptor = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .failed("\(pipe) cannot be opened") }
        do throws(FileRestoreError) {
          try state.process.send("\(command) \(GuestPath.quoted(pipe)) \(options)\n\(next)")
        } catch {
          Glibc.close(descriptor)
          throw error
        }
        return FileContent(
          byteCount: byteCount,
          pipe: pipe,
          descriptor: descriptor,
          reader: self
        )
      } catch {
        state.isReading = false
        throw error
      }
    }
  }

  /// Waits for the answer to what was sent, and lets others end the session meanwhile.
  private func awaitAnswer(limit: Duration) throws(FileRestoreError) {
    let deadline = ContinuousClock.now + limit
    let descriptor = state.withLock { $0.process.descriptor }
    while true {
      var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let isReady = poll(&waited, 1, 500) > 0
      let isAnswered = try state.withLock { state throws(FileRestoreError) in
        if isReady { try state.process.receive() }
        if try state.process.answer() != nil { return true }
        guard ContinuousClock.now < deadline else {
          state.process.kill()
          throw .failed("guestfish did not answer in time")
        }
        return false
      }
      if isAnswered { return }
    }
  }

  // MARK: For FileContent

  /// Waits until a download has something, or its command has ended; true for the latter.
  func awaitContent(_ descriptor: Int32) throws(FileRestoreError) -> Bool {
    try state.withLock { state throws(FileRestoreError) in
      var waited = [
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: state.process.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&waited, 2, Int32(Self.callLimit.components.seconds * 1000)) > 0 else {
        state.process.kill()
        throw .failed("guestfish did not answer in time")
      }
      if waited[0].revents & Int16(POLLIN) != 0 { return false }
      // The pipe's end, or words: the command's answer follows at once.
      guard poll(&waited[1], 1, Int32(Self.callLimit.components.seconds * 1000)) > 0 else {
        state.process.kill()
        throw .failed("guestfish did not answer in time")
      }
      try state.process.receive()
      return try state.process.answer() != nil
    }
  }

  /// Waits for the end of a download's command.
  func finishContent(isAnswered: Bool) throws(FileRestoreError) {
    try state.withLock { state throws(FileRestoreError) in
      defer { state.isReading = false }
      if !isAnswered { _ = try state.process.awaitAnswer(limit: Self.callLimit) }
    }
  }

  // MARK: Parts

  private func calling<Result: Sendable>(
    _ body: (GuestfishProcess) throws(FileRestoreError) -> Result
  ) throws(FileRestoreError) -> Result {
    try state.withLock { state throws(FileRestoreError) in
      guard !state.isReading else {
        throw .busy(Self.isBusy)
      }
      return try body(state.process)
    }
  }

  private static func entry(
    _ path: String,
    _ process: GuestfishProcess
  ) throws(FileRestoreError) -> FileEntry {
    let text = try failing(path) { () throws(FileRestoreError) in
      try process.run("lstatns \(GuestPath.quoted(path))", limit: callLimit)
    }
    guard var entry = FileEntry(path: path, statistics: text) else {
      throw .failed("guestfish does not say what \(path) is")
    }
    if entry.kind == .link {
      let target = try process.run("readlink \(GuestPath.quoted(path))", limit: callLimit)
      entry.linkTarget = String(target.dropLast())
    }
    return entry
  }

  /// Tells what is not there from what failed.
  private static func failing<Result>(
    _ path: String,
    _ body: () throws(FileRestoreError) -> Result
  ) throws(FileRestoreError) -> Result {
    do throws(FileRestoreError) { return try body() } catch {
      let text = error.description
      if text.hasSuffix("No such file or directory") || text.hasSuffix("Not a directory") {
        throw .notFound("There is no \(path).")
      }
      throw error
    }
  }

  /// Mounts what there is, below folders named after disk and partition.
  private static func mount(
    _ disks: [Disk],
    with process: GuestfishProcess
  ) throws(FileRestoreError) -> (fileSystems: [String], problems: [String]) {
    var problems: [String] = []
    var names: [String] = []
    for line in try process.run("list-filesystems", limit: startLimit).split(separator: "\n") {
      guard let colon = line.lastIndex(of: ":") else { continue }
      let device = String(line[..<colon])
      let kind = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      let name = mountName(of: device, disks)
      guard !unreadable.contains(kind) else {
        problems.append("\(name): \(kind)")
        continue
      }
      // A journal is replayed into the overlay even so; XFS refuses a copy of what is mounted.
      let options = kind == "xfs" ? "ro,nosuid,nodev,nouuid" : "ro,nosuid,nodev"
      do throws(FileRestoreError) {
        try process.run("mkmountpoint \(GuestPath.quoted("/" + name))", limit: callLimit)
        do throws(FileRestoreError) {
          try process.run(
            "mount-options \(options) \(GuestPath.quoted(device)) \(GuestPath.quoted("/" + name))",
            limit: callLimit
          )
          names.append(name)
        } catch {
          try process.run("rmmountpoint \(GuestPath.quoted("/" + name))", limit: callLimit)
          throw error
        }
      } catch {
        if process.isEnded { throw error }
        problems.append("\(name) (\(kind)): \(error)")
      }
    }
    guard !names.isEmpty else {
      throw .failed(
        "No file system of the VM can be read"
          + (problems.isEmpty ? "." : ": \(problems.joined(separator: "; "))")
      )
    }
    return (names, problems)
  }

  /// `/dev/sda1` is `vda1` of the first disk, `/dev/group/volume` is `group-volume`.
  private static func mountName(of device: String, _ disks: [Disk]) -> String {
    let parts = device.split(separator: "/").dropFirst()
    guard parts.count == 1, let name = parts.first, name.hasPrefix("sd"),
      let letter = name.dropFirst(2).first?.asciiValue,
      disks.indices.contains(Int(letter) - Int(UInt8(ascii: "a")))
    else { return parts.joined(separator: "-") }
    return disks[Int(letter) - Int(UInt8(ascii: "a"))].name + name.dropFirst(3)
  }

  private static func make(_ path: String, for user: User?) throws(FileRestoreError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch { throw .failed("\(path) cannot be made: \(error)") }
    guard chmod(path, 0o700) == 0, user.map({ chown(path, $0.user, $0.group) }) ?? 0 == 0 else {
      throw .failed("\(path) cannot be given away: \(String(cString: strerror(errno)))")
    }
  }
}
