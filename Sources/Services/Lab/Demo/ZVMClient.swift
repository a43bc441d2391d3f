// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// A client of a manager's REST API that knows nothing but the API: any Zerto client could do
/// what it does.
package struct ZVMClient: Sendable {
  /// The site's name, for messages.
  package let name: String
  private let base: String
  private let http: HTTPClient
  private let session: String

  /// Logs in at a site of the lab, whose manager it trusts by the site's own authority.
  package init(loggingInTo site: LabSite) async throws {
    try await self.init(
      name: site.name,
      url: site.url,
      authorityFile: site.authorityFile,
      user: site.user,
      password: site.password
    )
  }

  /// Logs in at a manager, which it trusts by the site's authority.
  ///
  /// `url` is that of the API, such as `https://localhost:9669/v1`; `name` is for messages.
  package init(
    name: String? = nil,
    url: String,
    authorityFile: String,
    user: String,
    password: String
  ) async throws {
    self.name = name ?? url
    base = url
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = .file(authorityFile)
    var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
    configuration.timeout = .init(connect: .seconds(5), read: .seconds(30))
    http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    do {
      session = try await Self.logIn(at: url, "\(user):\(password)", by: http)
    } catch {
      try? await http.shutdown()
      throw error
    }
  }

  private static func logIn(
    at url: String,
    _ credentials: String,
    by http: HTTPClient
  ) async throws -> String {
    var request = HTTPClientRequest(url: url + "/session/add")
    request.method = .POST
    let encoded = Data(credentials.utf8).base64EncodedString()
    request.headers.add(name: "Authorization", value: "Basic \(encoded)")
    let response = try await http.execute(request, timeout: .seconds(20))
    guard response.status == .ok, let session = response.headers.first(name: "x-zerto-session")
    else { throw LabError("logging in at \(url) gave \(response.status)") }
    return session
  }

  /// Ends the session and the connections.
  package func close() async {
    _ = try? await call("DELETE", "/session")
    try? await http.shutdown()
  }

  package func get(_ path: String) async throws -> JSON { try await call("GET", path) }

  package func put(_ path: String, _ body: JSON) async throws { try await call("PUT", path, body) }

  package func delete(_ path: String, _ body: JSON) async throws {
    try await call("DELETE", path, body)
  }

  @discardableResult
  package func post(_ path: String, _ body: JSON = [:]) async throws -> JSON {
    try await call("POST", path, body)
  }

  /// Starts an operation and waits for its task.
  package func perform(_ path: String, _ body: JSON = [:], seconds: Double) async throws {
    try await waitForTask(try await begin(path, body), seconds: seconds)
  }

  /// Starts an operation.
  ///
  /// - Returns: Its task's identifier.
  package func begin(_ path: String, _ body: JSON = [:]) async throws -> String {
    let answer = try await post(path, body)
    guard let task = answer.text else {
      throw LabError("POST \(path) at \(name): expected a task identifier, got \(answer)")
    }
    return task
  }

  /// Waits until a task is completed, and throws its words if it fails.
  package func waitForTask(_ task: String, seconds: Double) async throws {
    let done = try await Waiting.until(seconds: seconds, every: .milliseconds(250)) {
      try await isCompleted(task)
    }
    guard done else { throw LabError("task \(task) at \(name) took more than \(Int(seconds)) s") }
  }

  /// Whether a task is completed.
  ///
  /// - Throws: ``LabError`` with the task's words if it failed or was stopped.
  package func isCompleted(_ task: String) async throws -> Bool {
    let answer = try await get("/tasks/\(task)")
    switch answer["Status"]["State"].int {
    case 6: return true
    case 1, 2, 3: return false
    default:
      let type = answer["Type"].text ?? "task \(task)"
      throw LabError("\(type) at \(name) failed: \(answer["CompleteReason"].text ?? "\(answer)")")
    }
  }

  @discardableResult
  private func call(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> JSON {
    var request = HTTPClientRequest(url: base + path)
    request.method = HTTPMethod(rawValue: method)
    request.headers.add(name: "x-zerto-session", value: session)
    request.headers.add(name: "Accept", value: "application/json")
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
    }
    let response = try await http.execute(request, timeout: .seconds(60))
    let bytes = try await response.body.collect(upTo: 16 << 20)
    let data = Data(bytes.readableBytesView)
    guard response.status == .ok else {
      let words = (try? JSONDecoder().decode(JSON.self, from: data))?["Message"].text
      throw LabError(
        "\(method) \(path) at \(name) gave \(response.status.code): "
          + (words ?? String(decoding: data.prefix(300), as: UTF8.self))
      )
    }
    return data.isEmpty ? .null : try JSONDecoder().decode(JSON.self, from: data)
  }
}
