// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import Processes
import Glibc
import NIOCore
import Testing

@Suite struct LogonTests {
  @Test func `the manager's own user logs on, works and logs off`() async throws {
    try await RunningManager.run { manager in
      let session = try await manager.logOn()
      #expect(session.count == 40)
      let site = try await manager.send("GET", "/v1/localsite", session: session)
      #expect(site.status == 200)
      #expect(site.member("SiteName") == "london")
      #expect(site.header("content-type") == ["application/json; charset=utf-8"])
      #expect(try await manager.send("DELETE", "/v1/session", session: session).status == 200)
      #expect(try await manager.send("GET", "/v1/localsite", session: session).status == 401)
    }
  }

  @Test func `a logon is challenged first, and its answer is one header and no body`() async throws
  {
    try await RunningManager.run { manager in
      let first = try await manager.send("POST", "/v1/session/add")
      #expect(first.status == 401)
      #expect(first.header("www-authenticate") == [#"Basic realm="Understudy""#])
      #expect(first.member("Message")?.isEmpty == false)
      let second = try await manager.send(
        "POST",
        "/v1/session/Add",
        credentials: "\\admin:correct horse"
      )
      #expect(second.status == 200 && second.text.isEmpty)
      #expect(second.header("content-length") == ["0"])
      #expect(second.header("x-zerto-session").count == 1)
    }
  }

  @Test(arguments: ["admin:wrong", "admin:", ":", "nobody:correct horse", "admin"])
  func `wrong credentials are a 401`(credentials: String) async throws {
    try await RunningManager.run { manager in
      let answer = try await manager.send("POST", "/v1/session/add", credentials: credentials)
      #expect(answer.status == 401)
      #expect(answer.header("x-zerto-session").isEmpty)
    }
  }

  @Test(.enabled(if: geteuid() == 0, "making users needs root"))
  func `a user of the operating system logs on by PAM`() async throws {
    let user = "usmgr\(getpid())"
    try run("/usr/sbin/useradd", ["--no-create-home", "--shell", "/usr/sbin/nologin", user])
    defer { try? run("/usr/sbin/userdel", [user]) }
    try run("/usr/sbin/chpasswd", [], input: "\(user):pass:word\n")
    try await RunningManager.run { manager in
      for name in [user, "DOMAIN\\\(user)", "\(user)@example.org"] {
        let answer = try await manager.send(
          "POST",
          "/v1/session/add",
          body: #"{"AuthenticationMethod": 0}"#,
          credentials: "\(name):pass:word",
          contentType: "application/json"
        )
        #expect(answer.status == 200, "\(name)")
      }
      let asOwn = try await manager.send(
        "POST",
        "/v1/session/add",
        body: #"{"AuthenticationMethod": "1"}"#,
        credentials: "\(user):pass:word"
      )
      #expect(asOwn.status == 401)
    }
  }

  @Test func `a client that does not trust the site's authority gets no connection`() async throws {
    try await RunningManager.run { manager in
      var settings = HTTPClient.Configuration()
      settings.connectionPool.retryConnectionEstablishment = false
      let stranger = HTTPClient(configuration: settings)
      await #expect(throws: (any Error).self) {
        try await stranger.execute(
          HTTPClientRequest(url: manager.url + "/v1/"),
          timeout: .seconds(10)
        )
      }
      try await stranger.shutdown()
    }
  }

  private func run(_ path: String, _ arguments: [String], input: String = "") throws {
    let (status, printed) = try ChildProcess.run([path] + arguments, input: input)
    try #require(status == 0, "\(path): \(printed)")
  }
}
