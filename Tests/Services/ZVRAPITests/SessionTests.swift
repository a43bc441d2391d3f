// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ZVRAPI

@Suite struct SessionTests {
  private let right = APIRequest.Credentials(user: "root", password: "right")
  private let wrong = APIRequest.Credentials(user: "root", password: "wrong")

  @Test func `a logon without credentials is challenged, then taken`() async throws {
    let client = APIClient()
    let first = await client.respond(.post, "/v1/session/add")
    #expect(first.status == 401 && first.isChallenge)
    let second = await client.respond(.post, "/v1/session/Add", credentials: right)
    #expect(second.status == 200 && second.content == .empty)
    let token = try #require(second.sessionToken)
    #expect(token.count == 40 && token.allSatisfy(\.isHexDigit))
  }

  @Test(arguments: [#"{"AuthenticationMethod": 1}"#, #"{"authenticationmethod": "1"}"#])
  func `the method comes as number or text`(body: String) async {
    let client = APIClient()
    let admin = APIRequest.Credentials(user: "admin", password: "right")
    let response = await client.respond(.post, "/v1/session/add", body, credentials: admin)
    #expect(response.sessionToken != nil)
  }

  @Test(arguments: ["", "{}", "null", "\"\"", "  ", #"{"AuthenticationMethod": null}"#])
  func `the body of a logon may be nothing`(body: String) async {
    let response = await APIClient().respond(
      .post,
      "/v1/session/add",
      body,
      credentials: right
    )
    #expect(response.sessionToken != nil)
  }

  @Test func `a wrong password is a 401 with a challenge and begins nothing`() async {
    let response = await APIClient().respond(.post, "/v1/session/add", credentials: wrong)
    #expect(response.status == 401 && response.isChallenge && response.sessionToken == nil)
  }

  @Test func `a session ends when it is deleted`() async {
    let client = await APIClient.loggedOn()
    #expect(await client.send(.delete, "/v1/Session").status == 200)
    #expect(await client.send(.get, "/v1/vpgs").status == 401)
  }

  @Test func `a session dies after thirty minutes without a call, and each call moves that`()
    async
  {
    let client = await APIClient.loggedOn()
    client.clock.advance(by: .seconds(29 * 60))
    #expect(await client.send(.get, "/v1/vpgs").status == 200)
    client.clock.advance(by: .seconds(29 * 60))
    #expect(await client.send(.get, "/v1/vpgs").status == 200)
    client.clock.advance(by: .seconds(30 * 60))
    #expect(await client.send(.get, "/v1/vpgs").status == 401)
  }

  @Test func `one session too many ends the one unused longest`() async {
    let clock = HandClock()
    let store = SessionStore(limit: 2) { clock.now }
    let first = await store.begin(Account(name: "a", subject: "os:a", role: .viewer))
    clock.advance(by: .seconds(1))
    let second = await store.begin(Account(name: "b", subject: "os:b", role: .viewer))
    clock.advance(by: .seconds(1))
    _ = await store.use(first.token)
    _ = await store.begin(Account(name: "c", subject: "os:c", role: .viewer))
    #expect(await store.use(first.token) != nil)
    #expect(await store.use(second.token) == nil)
  }

  @Test func `guessing is slowed down for that user from that place alone`() async throws {
    let clock = HandClock()
    let throttle = LogonThrottle { clock.now }
    let suspect = LogonThrottle.Suspect(user: "root", source: "a")
    for _ in 0..<6 { await throttle.failed(suspect) }
    let wait = try #require(await throttle.wait(for: suspect))
    #expect(wait >= .seconds(4))
    #expect(try #require(await throttle.wait(for: suspect)) > wait)
    #expect(await throttle.wait(for: .init(user: "root", source: "b")) == .zero)
    #expect(await throttle.wait(for: .init(user: "ann", source: "a")) == .zero)
    await throttle.succeeded(suspect)
    #expect(await throttle.wait(for: suspect) == .zero)
  }

  @Test func `too many waiting guesses are turned away`() async {
    let clock = HandClock()
    let throttle = LogonThrottle { clock.now }
    let suspect = LogonThrottle.Suspect(user: "root", source: "a")
    for _ in 0..<10 { await throttle.failed(suspect) }
    var waits: [Duration?] = []
    for _ in 0..<10 { waits.append(await throttle.wait(for: suspect)) }
    #expect(waits.contains(nil))
  }
}
