// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file system on a block device that records every write and flush.
///
/// QEMU's storage daemon does the recording (`blklogwrites`) and shows the disk as a file by FUSE;
/// a loop device makes it a block device, with ext4 on it.
final class RecordedDisk {
  let folder: URL
  /// Where the file system is mounted.
  let mountPoint: URL
  private let daemon: Process
  private let device: String
  private var isMounted = true

  private var logFile: URL { folder.appending(path: "log") }

  /// Makes a disk of `byteCount` zeroes and a file system on it.
  init(in folder: URL, byteCount: Int) throws {
    self.folder = folder
    mountPoint = folder.appending(path: "recorded")
    let files = FileManager.default
    try files.createDirectory(at: mountPoint, withIntermediateDirectories: true)
    for name in ["disk.raw", "log", "shown.raw"] {
      try Data().write(to: folder.appending(path: name))
    }
    try Program.run("truncate", "-s", "\(byteCount)", folder.appending(path: "disk.raw").path())
    daemon = try Program.start(
      [
        "qemu-storage-daemon",
        "--blockdev", "driver=file,node-name=disk,filename=disk.raw",
        "--blockdev", "driver=file,node-name=log,filename=log",
        "--blockdev",
        "driver=blklogwrites,node-name=recorded,file=disk,log=log,log-sector-size=512",
        "--export",
        "fuse,id=shown,node-name=recorded,writable=on,"
          + "mountpoint=\(folder.appending(path: "shown.raw").path())",
        "--pidfile", "daemon.pid",
      ],
      in: folder
    )
    do {
      device = try Self.mount(shownBy: daemon, in: folder, at: mountPoint)
    } catch {
      Self.stop(daemon, in: folder)
      throw error
    }
  }

  /// Ends the daemon the hard way: what was recorded is in the file, and a daemon asked to leave
  /// waits for who has its export open.
  private static func stop(_ daemon: Process, in folder: URL) {
    kill(daemon.processIdentifier, SIGKILL)
    daemon.waitUntilExit()
    _ = try? Program.run("umount", folder.appending(path: "shown.raw").path())
  }

  /// Makes a block device of the daemon's file and a file system on it; gives the device.
  private static func mount(
    shownBy daemon: Process,
    in folder: URL,
    at mountPoint: URL
  ) throws -> String {
    // The daemon writes the file once the export is there.
    let pidFile = folder.appending(path: "daemon.pid").path()
    while !FileManager.default.fileExists(atPath: pidFile) {
      guard daemon.isRunning else { throw Program.Failed(description: "no storage daemon") }
      usleep(5000)
    }
    let file = folder.appending(path: "shown.raw").path()
    let device = try Program.run("losetup", "--find", "--show", file)
    do {
      try Program.run("mkfs.ext4", "-q", "-b", "4096", "-F", device)
      try Program.run("mount", "-t", "ext4", device, mountPoint.path())
    } catch {
      _ = try? Program.run("losetup", "--detach", device)
      throw error
    }
    return device
  }

  /// The length of the recording so far: everything a finished sync has made durable is before it.
  func recordedByteCount() throws -> Int {
    var found = stat()
    guard stat(logFile.path(), &found) == 0 else {
      throw Program.Failed(description: "the recording is gone")
    }
    return Int(found.st_size)
  }

  /// Ends the recording and gives it.
  func finish() throws -> [RecordedOperation] {
    try unmount()
    return try RecordedOperation.decode(Data(contentsOf: logFile))
  }

  private func unmount() throws {
    guard isMounted else { return }
    isMounted = false
    try Program.run("umount", mountPoint.path())
    try Program.run("losetup", "--detach", device)
    Self.stop(daemon, in: folder)
  }

  deinit { try? unmount() }
}

/// One entry of a recording.
struct RecordedOperation {
  /// Where in the recording the entry ends.
  var end: Int
  /// Bytes on the disk.
  var offset: Int
  var content: Content

  enum Content {
    case write(Data)
    case discard(byteCount: Int)
    case flush
  }

  /// Reads a recording: the format of the kernel's `dm-log-writes`, as QEMU writes it.
  ///
  /// A sector with magic and version; then for each entry a sector with its first sector, number
  /// of sectors, flags (1 flush, 2 forced unit access, 4 discard, 8 mark) and length of extra
  /// data, followed by what was written.
  static func decode(_ data: Data) throws -> [RecordedOperation] {
    let sector = 512
    func number(_ offset: Int) -> UInt64 {
      data.withUnsafeBytes {
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      }
    }
    guard data.count >= sector, number(0) == 0x6A_7366_7773_6872, number(8) == 1 else {
      throw Program.Failed(description: "not a recording")
    }
    var operations: [RecordedOperation] = []
    var position = sector
    while position + sector <= data.count {
      let (start, count) = (Int(number(position)) * sector, Int(number(position + 8)) * sector)
      let flags = number(position + 16)
      position += sector
      let content: Content
      switch flags & 7 {
      case 0 where position + count <= data.count:
        content = .write(data[position..<(position + count)])
        position += count
      case 1 where count == 0: content = .flush
      case 4: content = .discard(byteCount: count)
      default: throw Program.Failed(description: "an entry with flags \(flags)")
      }
      operations.append(RecordedOperation(end: position, offset: start, content: content))
    }
    return operations
  }
}
