// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

@testable import Scripts

/// Real processes, in real namespaces.
@Suite(.enabled(if: geteuid() == 0, "starting scripts needs root"), .timeLimit(.minutes(5)))
struct ScriptRunnerTests {
  @Test func `what a script prints is kept, with how it ended`() async throws {
    let bench = try ScriptBench()
    let result = try await bench.run("echo out; echo err >&2; exit 3")
    #expect(result.ending == .exited(3))
    #expect(result.lastWords == "out\nerr")
    #expect(result.outputPath == "/web/now/printed.txt")
    #expect(try bench.left() == "out\nerr\n")
  }

  @Test func `a script is nobody, in a session of its own, and can become nobody else`()
    async throws
  {
    let bench = try ScriptBench()
    let result = try await bench.run(
      """
      id -u; id -G; awk '/NoNewPrivs|CapEff/ { print $2 }' /proc/self/status
      ls /proc/self/fd | wc -l; ps -o pgid= -p $$; ulimit -c
      """
    )
    #expect(result.ending == .exited(0))
    let account = try ScriptRunner(folders: bench.folders, userName: nil).account()
    // Descriptors 0 to 2, and the one of `ls`; 2 is the script's process in its namespace.
    #expect(
      try bench.left().split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) } == [
        "\(account.user)", "\(account.group)", "0000000000000000", "1", "4", "2", "0",
      ]
    )
  }

  @Test func `a script never runs as root`() async throws {
    let bench = try ScriptBench()
    try bench.folders.repository.write(
      Array("#!/bin/sh\nid".utf8),
      to: try ScriptPath("a.sh"),
      overwrites: false
    )
    for name in ["root", "no-such-user"] {
      guard case .refused = await bench.run(command: "a.sh", userName: name).ending else {
        Issue.record("it ran as \(name)")
        return
      }
    }
  }

  @Test func `a script whose time is up ends with all it started`() async throws {
    let bench = try ScriptBench()
    let mark = "86\(Int.random(in: 100_000...999_999))"
    let began = ContinuousClock.now
    let result = try await bench.run(
      "setsid sleep \(mark) & (trap '' TERM HUP; sleep \(mark)) & echo begun; sleep \(mark)",
      timeout: .seconds(2)
    )
    #expect(result.ending == .timedOut)
    #expect(result.lastWords == "begun")
    #expect(began.duration(to: .now) >= .seconds(2))
    #expect(ScriptBench.processes(with: mark).isEmpty)
  }

  @Test func `what a script leaves running ends with it`() async throws {
    let bench = try ScriptBench()
    let mark = "87\(Int.random(in: 100_000...999_999))"
    let result = try await bench.run("setsid sleep \(mark) >/dev/null 2>&1 & exit 0")
    #expect(result.ending == .exited(0))
    #expect(ScriptBench.processes(with: mark).isEmpty)
  }

  @Test func `a script ends when whoever waits for it gives up`() async throws {
    let bench = try ScriptBench()
    let mark = "88\(Int.random(in: 100_000...999_999))"
    let running = Task { try await bench.run("sleep \(mark)", timeout: .seconds(600)) }
    let deadline = ContinuousClock.now + .seconds(60)
    while ScriptBench.processes(with: mark).isEmpty, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(20))
    }
    running.cancel()
    #expect(try await running.value.ending == .stopped)
    #expect(ScriptBench.processes(with: mark).isEmpty)
  }

  @Test func `a script finds its variables and its arguments, and no shell reads them`()
    async throws
  {
    let bench = try ScriptBench()
    let result = try await bench.run(
      #"echo "$ZertoVPGName"; for a in "$@"; do echo "[$a]"; done; env | grep -c SECRET"#,
      parameters: #"-vpg %ZertoVPGName% 'two words' "" $HOME;id %None% 100%"#,
      variables: [("ZertoVPGName", "web; $(id)")]
    )
    #expect(result.ending == .exited(1))
    #expect(
      try bench.left()
        == "web; $(id)\n[-vpg]\n[web; $(id)]\n[two words]\n[]\n[$HOME;id]\n[%None%]\n[100%]\n0\n"
    )
  }

  @Test func `a script has a folder of its own, and may leave files`() async throws {
    let bench = try ScriptBench()
    let result = try await bench.run(
      """
      test "$PWD" = "$ZertoWorkingDir" && echo x >y && cat y && ls /tmp
      echo kept >"$ZertoOutputDir/dns.csv"; ln -s /etc/shadow "$ZertoOutputDir/link"
      (echo no >"$UNDERSTUDY_REPOSITORY/b") 2>/dev/null || echo read only
      """
    )
    #expect(result.ending == .exited(0))
    #expect(try bench.left() == "x\noutput\nrepository\nwork\nread only\n")
    #expect(try bench.left("dns.csv") == "kept\n")
    #expect(throws: ScriptError.self) { try bench.left("link") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folders.runs).isEmpty)
    #expect(!FileManager.default.fileExists(atPath: "/tmp/work"))
  }

  @Test func `what is printed beyond a limit is read and not kept`() async throws {
    let bench = try ScriptBench()
    let result = try await bench.run("head -c 5000000 /dev/zero | tr '\\0' a; exit 5")
    #expect(result.ending == .exited(5))
    #expect(try bench.left().utf8.count < ScriptProcess.printedLimit + 100)
    #expect(try bench.left().hasSuffix("[what came then is not kept]\n"))
  }

  @Test(arguments: [
    "../a.sh", "/etc/passwd", "sub/../../a.sh", "a.sh\0", "none.sh", "", "/", "link.sh", "open.sh",
    "plain.sh", "other.sh", "\\\\host\\a.sh",
  ])
  func `nothing is run but programs of the repository that nobody else can change`(
    command: String
  ) async throws {
    let bench = try ScriptBench()
    let root = bench.folders.repository.root
    for name in ["open.sh", "plain.sh", "other.sh"] {
      let text = name == "plain.sh" ? "echo no" : "#!/bin/sh\necho no"
      try bench.folders.repository.write(
        Array(text.utf8),
        to: try ScriptPath(name),
        overwrites: false
      )
    }
    #expect(chmod(root + "/open.sh", 0o777) == 0)
    #expect(chown(root + "/other.sh", 65534, 65534) == 0)
    #expect(symlink("/bin/true", root + "/link.sh") == 0)
    let result = await bench.run(command: command)
    guard case .refused(let why) = result.ending else {
      Issue.record("\(command): \(result)")
      return
    }
    #expect(!why.isEmpty)
    #expect(result.outputPath == nil)
  }

  @Test func `a script is found by its whole path too`() async throws {
    let bench = try ScriptBench()
    _ = try await bench.run("exit 0")
    let path = bench.folders.repository.root + "/a.sh"
    #expect(await bench.run(command: path).ending == .exited(0))
  }

  @Test func `a signal that ends a script is its status`() async throws {
    let bench = try ScriptBench()
    #expect(try await bench.run("kill -9 $$").ending == .exited(137))
  }
}
