// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Processes

@Suite struct ChildProcessTests {
  /// Runs a shell script: its exit status and what it printed.
  private static func run(
    _ script: String,
    environment: [String: String]? = nil,
    in folder: String? = nil,
    ignoresBrokenPipes: Bool = false,
    more: [Int32?] = []
  ) throws -> (status: Int32, printed: String) {
    let (reading, writing) = try ChildProcess.pipe()
    let output = FileHandle(fileDescriptor: reading, closeOnDealloc: true)
    let child = Result {
      try ChildProcess(
        ["/bin/sh", "-c", script],
        environment: environment,
        in: folder,
        descriptors: [nil, writing, nil] + more,
        ignoresBrokenPipes: ignoresBrokenPipes
      )
    }
    close(writing)
    let started = try child.get()
    let text = try output.readToEnd() ?? Data()
    return (started.wait(), String(decoding: text, as: UTF8.self))
  }

  @Test func `a program has its arguments, its environment and its folder`() throws {
    let (status, printed) = try Self.run(
      "pwd; echo $WORD; env | wc -l; exit 7",
      environment: ["WORD": "a b", "PATH": "/usr/bin:/bin"],
      in: "/usr"
    )
    #expect(status == 7)
    // The shell adds PWD by itself.
    #expect(printed.split(separator: "\n") == ["/usr", "a b", "3"])
  }

  @Test func `without an environment it has ours`() throws {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    #expect(try Self.run("echo $PATH").printed == "\(path)\n")
  }

  @Test func `it has the descriptors it is given and no other`() throws {
    let leaking = open("/etc/hostname", O_RDONLY)
    defer { close(leaking) }
    let given = open("/etc/passwd", O_RDONLY)
    defer { close(given) }
    // ls has one open itself: the folder it lists.
    let (_, printed) = try Self.run("readlink /proc/$$/fd/*", more: [nil, given])
    let files = printed.split(separator: "\n").map(String.init)
    #expect(files.count == 5)
    #expect(files.filter { $0 == "/dev/null" }.count == 3)
    #expect(files.last == "/etc/passwd")
  }

  @Test func `it is ended by the usual signals, whatever we do with them`() throws {
    // As the library does that awaits the signals of a service.
    signal(SIGUSR2, SIG_IGN)
    defer { signal(SIGUSR2, SIG_DFL) }
    #expect(try Self.run("kill -USR2 $$; sleep 60").status == 128 + SIGUSR2)
  }

  @Test(arguments: [(false, 128 + SIGPIPE), (true, 0)])
  func `a broken pipe ends it unless it ignores that`(ignores: Bool, status: Int32) throws {
    signal(SIGPIPE, SIG_IGN)
    let found = try Self.run("kill -PIPE $$; exit 0", ignoresBrokenPipes: ignores)
    #expect(found.status == status)
  }

  @Test func `it leads a process group of its own`() throws {
    let child = try ChildProcess(["sleep", "60"])
    #expect(getpgid(child.identifier) == child.identifier)
    child.send(SIGKILL)
    child.awaitEnd()
    // Nobody else can have its number yet.
    #expect(kill(child.identifier, 0) == 0)
    #expect(child.poll() == 128 + SIGKILL)
  }

  @Test func `one that is left alone leaves no zombie`() throws {
    let (reading, writing) = try ChildProcess.pipe()
    let child = try ChildProcess(["true"], descriptors: [nil, writing, nil])
    close(writing)
    child.leave()
    var byte: UInt8 = 0
    // The end of its output: it ends now.
    #expect(read(reading, &byte, 1) == 0)
    close(reading)
    // Nothing tells when the thread has taken it.
    let deadline = ContinuousClock.now + .seconds(30)
    while kill(child.identifier, 0) == 0 {
      try #require(ContinuousClock.now < deadline, "nobody takes its end")
      usleep(1000)
    }
  }

  @Test func `it is run to its end with its input, and both its outputs are kept`() throws {
    let found = try ChildProcess.run(["sh", "-c", "cat; echo no >&2; exit 3"], input: "yes\n")
    #expect(found == (3, "yes\nno\n"))
  }

  @Test func `a program that is not there is said to be so`() {
    #expect {
      _ = try ChildProcess(["understudy-has-no-such-program"])
    } throws: { error in
      "\(error)".contains("understudy-has-no-such-program") && "\(error)".contains("No such file")
    }
  }

  @Test func `many threads start programs at once`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<64 {
        group.addTask {
          let found = try Self.run("echo \(number); exit \(number)")
          #expect(found == (Int32(number), "\(number)\n"))
        }
      }
      try await group.waitForAll()
    }
  }
}
