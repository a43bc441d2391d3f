// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import Identity
import Manager
import RecoveryModel
import SQLiteStore
import Store
import Synchronization
import Testing

/// Tokens as the clients of appliances ask for them.
@Suite struct TokenTests {
  private static let path = "/auth/realms/zerto/protocol/openid-connect/token"
  private static let password =
    "grant_type=password&client_id=zerto-client&username=admin&password=correct+horse"

  /// A wall clock that stands still unless it is moved.
  private final class HandClock: Sendable {
    private let time = Mutex(WallTime(milliseconds: 1_732_370_400_000))
    var now: WallTime { time.withLock(\.self) }
    func advance(bySeconds seconds: Int64) {
      time.withLock { $0 = WallTime(milliseconds: $0.milliseconds + seconds * 1000) }
    }
  }

  private func ask(_ manager: RunningManager, _ form: String) async throws -> RunningManager.Answer
  {
    try await manager.send(
      "POST",
      Self.path,
      body: form,
      contentType: "application/x-www-form-urlencoded"
    )
  }

  @Test func `a password gives tokens that work in place of a session, until they are old`()
    async throws
  {
    let clock = HandClock()
    try await RunningManager.run(now: { clock.now }) { manager in
      let answer = try await ask(manager, Self.password)
      #expect(answer.status == 200)
      #expect(answer.member("token_type") == "Bearer")
      #expect(answer.member("expires_in") == "300" && answer.member("not-before-policy") == "0")
      let token = try #require(answer.member("access_token"))
      func status(_ token: String) async throws -> Int {
        try await manager.send("GET", "/v1/localsite", bearer: token).status
      }
      #expect(try await status(token) == 200)
      #expect(try await status(token + "x") == 401)
      let refresh = try #require(answer.member("refresh_token"))
      #expect(try await status(refresh) == 401)
      clock.advance(bySeconds: 299)
      #expect(try await status(token) == 200)
      clock.advance(bySeconds: 1)
      #expect(try await status(token) == 401)

      let renewal = "grant_type=refresh_token&client_id=zerto-client&refresh_token="
      let renewed = try await ask(manager, renewal + refresh)
      #expect(renewed.status == 200)
      #expect(renewed.member("session_state") == answer.member("session_state"))
      #expect(try await status(try #require(renewed.member("access_token"))) == 200)
      let other = try await ask(
        manager,
        renewal.replacing("zerto-client", with: "other") + refresh
      )
      #expect(other.status == 400 && other.member("error") == "invalid_grant")
      clock.advance(bySeconds: 1800)
      let late = try await ask(manager, renewal + refresh)
      #expect(late.status == 400 && late.member("error") == "invalid_grant")
    }
  }

  @Test func `refusals have the form of OAuth`() async throws {
    try await RunningManager.run { manager in
      let forms: [(form: String, status: Int, error: String)] = [
        ("", 400, "invalid_request"),
        ("grant_type=password", 400, "invalid_request"),
        ("grant_type=password&client_id=zerto-client", 400, "invalid_request"),
        ("grant_type=magic&client_id=x", 400, "unsupported_grant_type"),
        (Self.password + "x", 401, "invalid_grant"),
        ("grant_type=client_credentials&client_id=x", 400, "invalid_request"),
        ("grant_type=client_credentials&client_id=x&client_secret=y", 401, "invalid_client"),
        ("grant_type=refresh_token&client_id=x&refresh_token=y", 400, "invalid_grant"),
      ]
      for (form, status, error) in forms {
        let answer = try await ask(manager, form)
        #expect(answer.status == status, "\(form)")
        #expect(answer.member("error") == error, "\(form)")
        #expect(answer.member("error_description")?.isEmpty == false)
      }
    }
  }

  @Test func `a client has its secret and role, and none any more when it is removed`() async throws
  {
    try await RunningManager.run { manager in
      let store = try SQLiteStore(path: manager.configuration.stateFolder + "/manager.sqlite")
      try await store.save(
        ClientRecord(identifier: "report", secretHash: try PasswordHash.make("s3cret"))
      )
      try await store.save(RoleRecord(subject: "client:report", role: "viewer"))
      let form = "grant_type=client_credentials&client_id=report&client_secret="
      #expect(try await ask(manager, form + "wrong").status == 401)
      let answer = try await ask(manager, form + "s3cret")
      let token = try #require(answer.member("access_token"))
      #expect(try await manager.send("GET", "/v1/vpgs", bearer: token).status == 200)
      let change = try await manager.send("POST", "/v1/vpgSettings", body: "{}", bearer: token)
      #expect(change.status == 403)
      try await store.removeClient("report")
      let refresh = try #require(answer.member("refresh_token"))
      let late = try await ask(
        manager,
        "grant_type=refresh_token&client_id=report&refresh_token=" + refresh
      )
      #expect(late.status == 400)
    }
  }

  @Test func `a client with a secret sends it along with a user's password, and others need none`()
    async throws
  {
    try await RunningManager.run { manager in
      let store = try SQLiteStore(path: manager.configuration.stateFolder + "/manager.sqlite")
      try await store.save(
        ClientRecord(identifier: "report", secretHash: try PasswordHash.make("s3cret"))
      )
      // It speaks for a user, whose role counts.
      try await store.save(RoleRecord(subject: "client:report", role: "none"))
      let form = Self.password.replacing("zerto-client", with: "report")
      for refused in [form, form + "&client_secret=wrong"] {
        let answer = try await ask(manager, refused)
        #expect(answer.status == 401 && answer.member("error") == "invalid_client", "\(refused)")
      }
      let right = try await ask(manager, form + "&client_secret=s3cret")
      #expect(right.status == 200)
      let wrongUser = try await ask(manager, form + "x&client_secret=s3cret")
      #expect(wrongUser.status == 401 && wrongUser.member("error") == "invalid_grant")
      #expect(try await ask(manager, Self.password + "&client_secret=any").status == 200)

      let refresh = try #require(right.member("refresh_token"))
      let renewal = "grant_type=refresh_token&client_id=report&refresh_token=" + refresh
      let foreign = try await ask(manager, renewal + "&client_secret=wrong")
      #expect(foreign.status == 401 && foreign.member("error") == "invalid_client")
      #expect(try await ask(manager, renewal + "&client_secret=s3cret").status == 200)
      #expect(try await ask(manager, renewal).status == 200)
    }
  }

  @Test func `a session of tokens ends when it is deleted`() async throws {
    try await RunningManager.run { manager in
      let answer = try await ask(manager, Self.password)
      let token = try #require(answer.member("access_token"))
      #expect(try await manager.send("DELETE", "/v1/session", bearer: token).status == 200)
      #expect(try await manager.send("GET", "/v1/vpgs", bearer: token).status == 401)
      let refresh = try #require(answer.member("refresh_token"))
      let late = try await ask(
        manager,
        "grant_type=refresh_token&client_id=zerto-client&refresh_token=" + refresh
      )
      #expect(late.status == 400)
    }
  }

  @Test func `settings are there after a renewal, and after another log-on of the user`()
    async throws
  {
    let clock = HandClock()
    try await RunningManager.run(now: { clock.now }) { manager in
      let answer = try await ask(manager, Self.password)
      let token = try #require(answer.member("access_token"))
      let opened = try await manager.send("POST", "/v1/vpgSettings", body: "{}", bearer: token)
      let path = "/v1/vpgSettings/" + opened.text.trimmingCharacters(in: ["\""])
      clock.advance(bySeconds: 300)
      #expect(try await manager.send("GET", path, bearer: token).status == 401)
      let refresh = try #require(answer.member("refresh_token"))
      let renewed = try await ask(
        manager,
        "grant_type=refresh_token&client_id=zerto-client&refresh_token=" + refresh
      )
      let later = try #require(renewed.member("access_token"))
      #expect(try await manager.send("GET", path, bearer: later).status == 200)
      // As zvma10-api-wrapper does, which does not renew but proves itself anew.
      let again = try #require(try await ask(manager, Self.password).member("access_token"))
      #expect(try await manager.send("GET", path, bearer: again).status == 200)
    }
  }

  @Test func `a token lives as long as its client asks for, within an hour`() async throws {
    let clock = HandClock()
    try await RunningManager.run(now: { clock.now }) { manager in
      func lifetime(_ wish: String) async throws -> String? {
        try await ask(manager, Self.password + "&expires_in=" + wish).member("expires_in")
      }
      let asked = try await lifetime("3600")
      #expect(asked == "3600")
      #expect(try await lifetime("86400") == "3600")
      #expect(try await lifetime("1") == "60")
      #expect(try await lifetime("soon") == "300")
    }
  }

  @Test func `who is removed cannot go on with a long token for longer than with a usual one`()
    async throws
  {
    let clock = HandClock()
    try await RunningManager.run(now: { clock.now }) { manager in
      let store = try SQLiteStore(path: manager.configuration.stateFolder + "/manager.sqlite")
      try await store.save(
        ClientRecord(identifier: "sdk", secretHash: try PasswordHash.make("s3cret"))
      )
      try await store.save(RoleRecord(subject: "client:sdk", role: "administrator"))
      let answer = try await ask(
        manager,
        "grant_type=client_credentials&client_id=sdk&client_secret=s3cret&expires_in=3600"
      )
      let token = try #require(answer.member("access_token"))
      func status(_ method: String, _ path: String) async throws -> Int {
        let body = method == "GET" ? "" : "{}"
        return try await manager.send(method, path, body: body, bearer: token).status
      }
      clock.advance(bySeconds: 3000)
      #expect(try await status("POST", "/v1/vpgSettings") == 200)
      try await store.save(RoleRecord(subject: "client:sdk", role: "viewer"))
      #expect(try await status("POST", "/v1/vpgSettings") == 403)
      #expect(try await status("GET", "/v1/vpgs") == 200)
      try await store.removeClient("sdk")
      #expect(try await status("GET", "/v1/vpgs") == 401)
    }
  }

  @Test func `published keys verify the tokens, and a new key follows after thirty days`()
    async throws
  {
    let clock = HandClock()
    try await RunningManager.run(now: { clock.now }) { manager in
      func keys() async throws -> [[String: String]] {
        let place = try await manager.send(
          "GET",
          "/auth/realms/zerto/.well-known/openid-configuration"
        ).member("jwks_uri")
        let path = try #require(place).replacing(manager.url, with: "")
        let text = try await manager.send("GET", path).text
        let set = try JSONDecoder().decode([String: [[String: String]]].self, from: Data(text.utf8))
        return try #require(set["keys"])
      }
      let token = try #require(try await ask(manager, Self.password).member("access_token"))
      let parts = token.split(separator: ".").map(String.init)
      let key = try #require(try await keys().first)
      let point = try [#require(key["x"]), #require(key["y"])].map(Self.bytes).reduce(Data(), +)
      let verifier = try P256.Signing.PublicKey(rawRepresentation: point)
      #expect(
        verifier.isValidSignature(
          try P256.Signing.ECDSASignature(rawRepresentation: Self.bytes(parts[2])),
          for: Data("\(parts[0]).\(parts[1])".utf8)
        )
      )
      clock.advance(bySeconds: 30 * 86_400)
      let later = try #require(try await ask(manager, Self.password).member("access_token"))
      #expect(try await keys().count == 2)
      #expect(later.split(separator: ".")[0] != parts[0])
      clock.advance(bySeconds: 30 * 86_400)
      #expect(try await manager.send("GET", "/v1/vpgs", bearer: later).status == 401)
      #expect(try await keys().count == 2)
    }
  }

  private static func bytes(_ base64URL: String) throws -> Data {
    let plain = base64URL.replacing("-", with: "+").replacing("_", with: "/")
    let padded = plain + String(repeating: "=", count: (4 - plain.count % 4) % 4)
    return try #require(Data(base64Encoded: padded))
  }
}
