// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Processes
import Glibc
import Manager
import SQLiteStore
import Store
import Testing
import ZVRAPI

/// Real users: of the operating system, of SASL's database, and of another PAM service.
@Suite(.serialized, .enabled(if: geteuid() == 0, "making users needs root"))
struct AccessTests {
  private let user = "usacc\(getpid())"

  @Test func `root's group rules, others may look, and who has no role stays out`() async throws {
    try run("/usr/sbin/groupadd", [user + "g"])
    defer { try? run("/usr/sbin/groupdel", [user + "g"]) }
    try run("/usr/sbin/useradd", ["-M", "-s", "/usr/sbin/nologin", "-G", user + "g", user])
    defer { try? run("/usr/sbin/userdel", [user]) }
    try run("/usr/sbin/chpasswd", [], input: "\(user):pass:word\n")
    try await RunningManager.run(access: { _ in
      var access = AccessConfiguration()
      access.roles = ["group:\(user)g": "vpg-operator"]
      return access
    }) { manager in
      let settings = ("POST", "/v1/vpgSettings", "{}")
      let token = ("POST", "/v1/peersites/generatetoken", "")
      func status(_ call: (String, String, String), _ session: String?) async throws -> Int {
        try await manager.send(call.0, call.1, body: call.2, session: session).status
      }
      let asOperator = try await logOn(manager, method: 0).header("x-zerto-session").first
      #expect(try await status(settings, asOperator) == 200)
      #expect(try await status(token, asOperator) == 403)

      let store = try SQLiteStore(path: manager.configuration.stateFolder + "/manager.sqlite")
      try await store.save(RoleRecord(subject: "os:\(user)", role: "viewer"))
      let asViewer = try await logOn(manager, method: 0).header("x-zerto-session").first
      #expect(try await status(("GET", "/v1/vpgs", ""), asViewer) == 200)
      let refused = try await manager.send(
        "POST",
        "/v1/vpgSettings",
        body: "{}",
        session: asViewer
      )
      #expect(refused.status == 403)
      #expect(refused.member("Message")?.contains("protect") == true)

      try await store.save(RoleRecord(subject: "os:\(user)", role: "none"))
      let none = try await logOn(manager, method: 0)
      #expect(none.status == 403 && none.header("x-zerto-session").isEmpty)
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/sbin/saslpasswd2")))
  func `who libvirt's SASL accepts is a user of the hypervisor manager`() async throws {
    try await RunningManager.run(access: { folder in
      try run(
        "/usr/sbin/saslpasswd2",
        ["-p", "-c", "-f", folder + "/sasl.db", "-a", "libvirt", user],
        input: "pass:word"
      )
      var access = AccessConfiguration()
      access.saslDatabase = folder + "/sasl.db"
      return access
    }) { manager in
      #expect(try await logOn(manager, method: 1, password: "pass:wort").status == 401)
      #expect(try await logOn(manager, method: 0).status == 401)
      let answer = try await logOn(manager, method: 1)
      #expect(answer.status == 200)
      let session = answer.header("x-zerto-session").first
      #expect(try await manager.send("GET", "/v1/vpgs", session: session).status == 200)
      let change = try await manager.send("POST", "/v1/vpgSettings", body: "{}", session: session)
      #expect(change.status == 403)
    }
  }

  @Test func `a directory is asked through the PAM service that is named`() async throws {
    // A service whose module accepts one password of one user, whom the system does not know.
    let script = "/tmp/\(user).sh"
    try """
    #!/bin/sh
    read -r password
    [ "$(echo "$PAM_USER" | tr A-Z a-z)" = \(user) ] && [ "$password" = pass:word ]

    """.write(toFile: script, atomically: true, encoding: .utf8)
    chmod(script, 0o755)
    defer { unlink(script) }
    try """
    auth [success=1 default=ignore] pam_exec.so expose_authtok quiet \(script)
    auth requisite pam_deny.so
    auth required pam_permit.so
    account required pam_permit.so

    """.write(toFile: "/etc/pam.d/\(user)", atomically: true, encoding: .utf8)
    defer { unlink("/etc/pam.d/\(user)") }
    try await RunningManager.run(access: { _ in
      var access = AccessConfiguration()
      access.directoryPAMService = user
      access.roles = ["directory:\(user)": "administrator"]
      return access
    }) { manager in
      #expect(try await logOn(manager, method: 1, password: "pass:wort").status == 401)
      let session = try await logOn(manager, method: 1).header("x-zerto-session").first
      let token = try await manager.send(
        "POST",
        "/v1/peersites/generatetoken",
        session: session
      )
      #expect(token.status == 200)

      // To a directory both are one user, who is kept out by whatever name.
      let store = try SQLiteStore(path: manager.configuration.stateFolder + "/manager.sqlite")
      try await store.save(RoleRecord(subject: "directory:\(user.capitalized)", role: "none"))
      #expect(try await logOn(manager, method: 1).status == 403)
      #expect(try await logOn(manager, method: 1, as: user.uppercased()).status == 403)
    }
  }

  @Test func `a configuration with a role that is none does not start`() async throws {
    await #expect(throws: ManagerConfigurationError.self) {
      try await RunningManager.run(access: { _ in
        var access = AccessConfiguration()
        access.roles = ["alice": "king"]
        return access
      }) { _ in }
    }
  }

  private func logOn(
    _ manager: RunningManager,
    method: Int,
    as name: String? = nil,
    password: String = "pass:word"
  ) async throws -> RunningManager.Answer {
    try await manager.send(
      "POST",
      "/v1/session/add",
      body: #"{"AuthenticationMethod": \#(method)}"#,
      credentials: "DOMAIN\\\(name ?? user):\(password)"
    )
  }

  private func run(_ path: String, _ arguments: [String], input: String = "") throws {
    let (status, printed) = try ChildProcess.run([path] + arguments, input: input)
    try #require(status == 0, "\(path): \(printed)")
  }
}
