// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Manager
import RecoveryModel
import SQLiteStore
import Store
import Testing

/// What a manager remembers of its users.
@Suite struct AuditTests {
  private func entries(
    _ manager: RunningManager,
    _ session: String,
    _ query: String = ""
  ) async throws -> [[String: String]] {
    let text = try await manager.send("GET", "/v1/auditlog\(query)", session: session).text
    let list = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
    return try #require(list).map { $0.mapValues { "\($0)" } }
  }

  @Test func `logons, changes and refusals are in the audit log, and readings are not`()
    async throws
  {
    try await RunningManager.run { manager in
      _ = try await manager.send("POST", "/v1/session/add", credentials: "admin:wrong")
      let session = try await manager.logOn()
      _ = try await manager.send("GET", "/v1/vpgs", session: session)
      _ = try await manager.send("POST", "/v1/vpgs/none/Failover", body: "{}", session: session)
      _ = try await manager.send("POST", "/v1/peersites/generatetoken", session: session)
      let found = try await entries(manager, session)
      #expect(
        found.map { [$0["UserName"], $0["Action"], $0["Status"], $0["Source"]] } == [
          ["admin", "POST /v1/peersites/generatetoken", "200", "127.0.0.1"],
          ["admin", "POST /v1/vpgs/none/Failover", "404", "127.0.0.1"],
          ["admin", "log on", "200", "127.0.0.1"],
          ["admin", "log on", "401", "127.0.0.1"],
        ]
      )
      #expect(found[0]["Role"] == "administrator" && found[0]["Reason"] == "")
      #expect(found[3]["Reason"]?.isEmpty == false)
      #expect(try await entries(manager, session, "?userName=nobody").isEmpty)
      #expect(try await entries(manager, session, "?count=1").count == 1)

      let events = try await manager.send("GET", "/v1/events?eventType=Login", session: session)
      #expect(events.text.contains("admin logged on from 127.0.0.1"))
      #expect(events.text.contains("admin was not let in from 127.0.0.1"))
    }
  }

  @Test func `the audit log is administrators' alone`() async throws {
    try await RunningManager.run { manager in
      let store = try SQLiteStore(path: manager.configuration.stateFolder + "/manager.sqlite")
      try await store.save(RoleRecord(subject: "manager:admin", role: "vpg-operator"))
      let session = try await manager.logOn()
      #expect(try await manager.send("GET", "/v1/auditlog", session: session).status == 403)
    }
  }

  @Test(arguments: ["loginBanner", "logingbanner"])
  func `the banner is read without a session, and changed with one`(name: String) async throws {
    try await RunningManager.run { manager in
      let path = "/v1/localsite/settings/\(name)"
      let before = try await manager.send("GET", "/v1/localsite/settings/loginBanner")
      #expect(before.status == 200 && before.member("IsLoginBannerEnabled") == "0")
      let body = #"{"IsLoginBannerEnabled": true, "LoginBanner": "Staff only"}"#
      #expect(try await manager.send("PUT", path, body: body).status == 401)
      let session = try await manager.logOn()
      #expect(try await manager.send("PUT", path, body: body, session: session).status == 200)
      let other = try await manager.send("GET", "/v1/localsite/settings/LoginBanner")
      #expect(other.member("LoginBanner") == "Staff only")
      #expect(other.member("IsLoginBannerEnabled") == "1")
    }
  }

  @Test func `the site's authority can be fetched without a session`() async throws {
    try await RunningManager.run { manager in
      let answer = try await manager.send("GET", "/ca.pem")
      let folder = manager.configuration.authorityFolder
      let file = try String(contentsOfFile: folder + "/authority.pem", encoding: .utf8)
      #expect(answer.status == 200 && answer.text == file)
      #expect(answer.header("content-type") == ["application/x-pem-file"])
    }
  }
}
