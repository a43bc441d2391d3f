// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

@testable import ZVRAPI

/// A clock that stands still until it is moved.
final class HandClock: Sendable {
  private let time = Mutex(ContinuousClock.Instant.now)
  var now: ContinuousClock.Instant { time.withLock(\.self) }
  func advance(by duration: Duration) { time.withLock { $0 += duration } }
}

/// The API of a fake site, and the calls a client makes.
struct APIClient {
  let site = FakeSite()
  let clock = HandClock()
  let service: APIService
  var token: String?

  init() {
    let clock = clock
    service = APIService(
      site: site,
      authenticator: FakeAuthenticator(),
      tokens: FakeTokens(),
      book: FakeBook(),
      sessions: SessionStore { clock.now },
      throttle: LogonThrottle { clock.now },
      drafts: SettingsDrafts { clock.now }
    )
  }

  /// A client that is logged on.
  static func loggedOn(as role: Role = .administrator) async -> APIClient {
    var client = APIClient()
    await client.logOn(as: role)
    return client
  }

  /// Goes on in a new session, of the same user unless another is named.
  mutating func logOn(_ subject: String = "os:admin", as role: Role = .administrator) async {
    let account = Account(name: "admin", subject: subject, role: role)
    token = await service.sessions.begin(account).token
  }

  func respond(
    _ method: APIRequest.Method,
    _ path: String,
    _ body: String = "",
    credentials: APIRequest.Credentials? = nil,
    accept: String? = nil,
    contentType: String? = nil
  ) async -> APIResponse {
    await respond(
      method,
      path,
      bytes: Array(body.utf8),
      credentials: credentials,
      accept: accept,
      contentType: contentType
    )
  }

  func respond(
    _ method: APIRequest.Method,
    _ path: String,
    bytes: [UInt8],
    credentials: APIRequest.Credentials? = nil,
    accept: String? = nil,
    contentType: String? = nil
  ) async -> APIResponse {
    let parts = path.split(separator: "?", maxSplits: 1).map(String.init)
    return await service.respond(
      to: APIRequest(
        method: method,
        path: parts[0],
        query: APIQuery(text: parts.count == 2 ? parts[1] : nil),
        body: bytes,
        accept: accept,
        contentType: contentType,
        baseURL: "https://zvm.example:9669",
        token: token,
        credentials: credentials,
        source: "10.9.9.9"
      )
    )
  }

  /// Sends a call; the answer's content went through JSON and back.
  func send(
    _ method: APIRequest.Method,
    _ path: String,
    _ body: String = ""
  ) async -> (status: Int, body: APIValue) {
    let response = await respond(method, path, body)
    return (response.status, response.asJSON)
  }

  /// Asks for XML and answers the document.
  func xml(_ path: String) async -> String {
    let rendered = await respond(.get, path, accept: "application/xml").rendered
    return rendered.map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
  }

  func get(_ path: String) async -> APIValue { await send(.get, path).body }

  /// Opens a settings object and returns its path.
  func openSettings(_ body: String = "{}") async -> String {
    let answer = await send(.post, "/v1/vpgSettings", body)
    return "/v1/vpgSettings/\(answer.body.readText ?? "none: \(answer)")"
  }

  /// A body from which a VPG can be made.
  static let newVPG = """
    {"Basic": {"Name": "Shop", "ProtectedSiteIdentifier": "\(FakeSite.london)",
      "RecoverySiteIdentifier": "\(FakeSite.paris)", "Priority": "high"},
     "Recovery": {"DefaultHostIdentifier": "22222222-bbbb.host-paris"},
     "Vms": [{"VmIdentifier": "\(FakeSite.app)"}]}
    """
}

extension APIResponse {
  /// The answer as a client of JSON reads it; null if it carries no value.
  var asJSON: APIValue {
    guard value != nil else { return .null }
    var answer = self
    answer.format = .json
    return answer.rendered.flatMap { try? JSONReader.read($0.bytes) } ?? .string("not JSON")
  }
}
