// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Processes
import Glibc
import Identity
import Testing

/// Real accounts of this machine, made and removed by the tests.
@Suite(.serialized, .enabled(if: geteuid() == 0, "making users needs root"))
struct OperatingSystemUsersTests {
  /// A service without rules of its own gets those of `other`.
  private let service = "understudy-test"

  @Test func `a user's own password is right and any other is wrong`() async throws {
    try await withUser(password: "pass word-1") { user in
      #expect(await check(user, "pass word-1") == .success)
      #expect(await check(user, "pass word-2") == .wrongCredentials)
      #expect(await check(user, "") == .wrongCredentials)
      #expect(await check(user, "pass word-1\u{0}") == .wrongCredentials)
      #expect(await check(user + "x", "pass word-1") == .wrongCredentials)
      #expect(await check("", "pass word-1") == .wrongCredentials)
    }
  }

  @Test func `an expired account is told from a wrong password`() async throws {
    try await withUser(password: "password") { user in
      try run("/usr/bin/chage", ["-E", "1970-01-02", user])
      guard case .accountUnavailable(let reason) = await check(user, "password") else {
        Issue.record("an expired account was let in, or its password called wrong")
        return
      }
      #expect(!reason.isEmpty)
    }
  }

  @Test func `many users log on at the same time`() async throws {
    try await withUser(password: "password") { user in
      let results = await withTaskGroup(of: AuthenticationResult.self) { group in
        for index in 0..<8 {
          group.addTask { await check(user, index.isMultiple(of: 2) ? "password" : "wrong") }
        }
        return await group.reduce(into: [AuthenticationResult]()) { $0.append($1) }
      }
      #expect(results.filter { $0 == .success }.count == 4)
      #expect(results.filter { $0 == .wrongCredentials }.count == 4)
    }
  }

  private func check(_ user: String, _ password: String) async -> AuthenticationResult {
    await OperatingSystemUsers.authenticate(user: user, password: password, service: service)
  }

  private func withUser(
    password: String,
    _ body: (String) async throws -> Void
  ) async throws {
    let user = "ustest\(getpid())"
    try run("/usr/sbin/useradd", ["--no-create-home", "--shell", "/usr/sbin/nologin", user])
    defer { try? run("/usr/sbin/userdel", [user]) }
    try run("/usr/sbin/chpasswd", [], input: "\(user):\(password)\n")
    try await body(user)
  }

  private func run(_ path: String, _ arguments: [String], input: String = "") throws {
    let (status, printed) = try ChildProcess.run([path] + arguments, input: input)
    #expect(status == 0, "\(path): \(printed)")
  }
}
