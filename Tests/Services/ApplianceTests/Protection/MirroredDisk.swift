// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

/// A disk in a real qemu-storage-daemon: a raw file, offered for reading and writing over NBD,
/// with a mirror job to a tap once that is asked for.
final class MirroredDisk {
  let path: String
  let socketPath: String
  let exportName = "disk"
  private let process = Process()
  private let commands = Pipe()
  private let answers = Pipe()

  /// Starts the daemon; as `user`, if one is named, who owns the disk then.
  ///
  /// The disk is offered at `socketPath`, or in the folder.
  init(
    folder: URL,
    name: String,
    bytes: Data,
    user: String? = nil,
    socketPath: String? = nil
  ) throws {
    path = folder.appendingPathComponent("\(name).raw").path
    self.socketPath = socketPath ?? folder.appendingPathComponent("\(name).nbd").path
    try bytes.write(to: URL(filePath: path))
    process.executableURL = URL(filePath: "/usr/bin/env")
    var program = ["qemu-storage-daemon"]
    if let user {
      try FileManager.default.setAttributes([.ownerAccountName: user], ofItemAtPath: path)
      program = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"] + program
    }
    process.arguments =
      program + [
        "--blockdev", "file,node-name=file0,filename=\(path)",
        "--blockdev", "raw,node-name=disk0,file=file0",
        "--nbd-server", "addr.type=unix,addr.path=\(self.socketPath),max-connections=0",
        "--export", "nbd,id=e,node-name=disk0,name=\(exportName),writable=on",
        "--chardev", "stdio,id=c", "--monitor", "chardev=c",
      ]
    process.standardInput = commands
    process.standardOutput = answers
    try process.run()
    try send(#"{"execute":"qmp_capabilities"}"#)
  }

  /// Mirrors every write from now on to an NBD export.
  func attachTap(socketPath: String, exportName: String) throws {
    try send(
      #"{"execute":"blockdev-add","arguments":{"driver":"nbd","node-name":"tap","server":"#
        + #"{"type":"unix","path":"\#(socketPath)"},"export":"\#(exportName)"}}"#
    )
    try send(
      #"{"execute":"blockdev-mirror","arguments":{"job-id":"m","device":"disk0","target":"tap","#
        + #""sync":"none","copy-mode":"write-blocking","granularity":4096,"#
        + #""on-target-error":"stop"}}"#
    )
  }

  /// Ends the mirror job of a tap that is gone.
  func detachTap() throws {
    try send(#"{"execute":"block-job-cancel","arguments":{"device":"m","force":true}}"#)
    let deadline = Date.now + 10
    while (try? send(#"{"execute":"blockdev-del","arguments":{"node-name":"tap"}}"#)) == nil {
      try #require(Date.now < deadline, "the mirror job does not end")
    }
  }

  /// Begins to note which blocks are written.
  func beginMap(_ name: String) throws {
    try send(
      #"{"execute":"block-dirty-bitmap-add","arguments":{"node":"disk0","name":"\#(name)","#
        + #""granularity":65536}}"#
    )
  }

  /// Closes a map and offers the disk with it, under another name.
  ///
  /// - Returns: The export's name.
  func export(withMap name: String) throws -> String {
    try send(
      #"{"execute":"block-dirty-bitmap-disable","arguments":{"node":"disk0","name":"\#(name)"}}"#
    )
    try send(
      #"{"execute":"block-export-add","arguments":{"type":"nbd","id":"\#(name)","node-name":"#
        + #""disk0","name":"\#(name)","writable":false,"bitmaps":["\#(name)"]}}"#
    )
    return name
  }

  /// Sends a command and waits for its answer.
  private func send(_ command: String) throws {
    commands.fileHandleForWriting.write(Data((command + "\n").utf8))
    var line = Data()
    while true {
      let byte = answers.fileHandleForReading.readData(ofLength: 1)
      try #require(!byte.isEmpty, "the storage daemon is gone")
      guard byte[byte.startIndex] == 0x0a else {
        line.append(byte)
        continue
      }
      let text = String(decoding: line, as: UTF8.self)
      try #require(!text.contains("\"error\""), "\(text)")
      if text.contains("\"return\"") { return }
      line = Data()
    }
  }

  /// Runs qemu-io commands against the disk, one after the other.
  func run(_ ioCommands: [String]) async throws {
    let io = Process()
    let input = Pipe()
    io.executableURL = URL(filePath: "/usr/bin/qemu-io")
    io.arguments = ["-f", "raw", "nbd+unix:///\(exportName)?socket=\(socketPath)"]
    io.standardInput = input
    io.standardOutput = FileHandle.nullDevice
    let ending = AsyncStream<Int32> { continuation in
      io.terminationHandler = { process in
        continuation.yield(process.terminationStatus)
        continuation.finish()
      }
    }
    try io.run()
    let text = ioCommands.joined(separator: "\n") + "\nquit\n"
    input.fileHandleForWriting.write(Data(text.utf8))
    try input.fileHandleForWriting.close()
    for await status in ending { try #require(status == 0, "qemu-io failed") }
  }

  func bytes() throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  /// Ends the daemon at once: asked to end, it would first drain the mirror job.
  func close() {
    kill(process.processIdentifier, SIGKILL)
  }
}
