// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import AsyncHTTPClient
package import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// A client of a manager's REST API that knows nothing but the API: any Zerto client could do
/// what it does.
package struct ZVMClient: Sendable {
  /// The site's name, for messages.
  package let name: String
  /// What the manager knows the log-in by, until it ends or 30 minutes pass without a call.
  package let session: String
  private let base: String
  private let http: HTTPClient

  /// Logs in at a manager.
  ///
  /// `url` is that of the API, such as `https://localhost:9669/v1`; `name` is for messages.
  /// `authorityFile` has the certificate of the site's authority in PEM; without one the
  /// authorities that this machine trusts count.
  package init(
    name: String? = nil,
    url: String,
    authorityFile: String?,
    user: String,
    password: String
  ) async throws {
    let http = try Self.connections(trusting: authorityFile)
    do {
      session = try await Self.logIn(at: url, "\(user):\(password)", by: http)
    } catch {
      try? await http.shutdown()
      throw error
    }
    self.name = name ?? url
    self.http = http
    base = url
  }

  /// Goes on with the session of an earlier log-in.
  package init(url: String, authorityFile: String?, session: String) throws {
    name = url
    base = url
    http = try Self.connections(trusting: authorityFile)
    self.session = session
  }

  private static func connections(trusting authorityFile: String?) throws -> HTTPClient {
    var tls = TLSConfiguration.makeClientConfiguration()
    if let authorityFile {
      guard FileManager.default.isReadableFile(atPath: authorityFile) else {
        throw ClientError("The authority's certificate \(authorityFile) cannot be read.")
      }
      tls.trustRoots = .file(authorityFile)
    }
    var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
    configuration.timeout = .init(connect: .seconds(5), read: .seconds(30))
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
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
    let status = response.status
    guard status != .unauthorized else {
      throw ClientError("\(url) does not accept the user or the password.", status: 401)
    }
    guard status == .ok, let session = response.headers.first(name: "x-zerto-session") else {
      throw ClientError("logging in at \(url) gave \(status)", status: Int(status.code))
    }
    return session
  }

  /// Ends the session and the connections.
  package func close() async {
    _ = try? await call("DELETE", "/session")
    await disconnect()
  }

  /// Ends the connections; the session goes on.
  package func disconnect() async { try? await http.shutdown() }

  package func get(_ path: String) async throws -> JSON { try await call("GET", path) }

  package func put(_ path: String, _ body: JSON) async throws { try await call("PUT", path, body) }

  @discardableResult
  package func delete(_ path: String, _ body: JSON = [:]) async throws -> JSON {
    try await call("DELETE", path, body)
  }

  @discardableResult
  package func post(_ path: String, _ body: JSON = [:]) async throws -> JSON {
    try await call("POST", path, body)
  }

  /// Something that is not JSON, as it comes.
  package func bytes(_ path: String) async throws -> [UInt8] {
    Array(try await send("GET", path, nil))
  }

  /// Writes what is at `path` to a file, as it comes, however large it is.
  ///
  /// Throws if less comes than was announced.
  package func download(_ path: String, into file: FileHandle) async throws {
    let response = try await http.execute(try request("GET", path, nil), deadline: .distantFuture)
    guard response.status == .ok else {
      throw error("GET", path, response, try await response.body.collect(upTo: 1 << 20))
    }
    for try await part in response.body { try file.write(contentsOf: Data(part.readableBytesView)) }
  }

  @discardableResult
  private func call(_ method: String, _ path: String, _ body: JSON? = nil) async throws -> JSON {
    let data = try await send(method, path, body)
    return data.isEmpty ? .null : try JSONDecoder().decode(JSON.self, from: data)
  }

  private func send(_ method: String, _ path: String, _ body: JSON?) async throws -> Data {
    let response = try await http.execute(
      try request(method, path, body),
      timeout: .seconds(60)
    )
    let bytes = try await response.body.collect(upTo: 64 << 20)
    guard response.status == .ok else { throw error(method, path, response, bytes) }
    return Data(bytes.readableBytesView)
  }

  private func request(
    _ method: String,
    _ path: String,
    _ body: JSON?
  ) throws -> HTTPClientRequest {
    var request = HTTPClientRequest(url: base + path)
    request.method = HTTPMethod(rawValue: method)
    request.headers.add(name: "x-zerto-session", value: session)
    request.headers.add(name: "Accept", value: "application/json")
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
    }
    return request
  }

  /// What a call that was refused says.
  private func error(
    _ method: String,
    _ path: String,
    _ response: HTTPClientResponse,
    _ bytes: ByteBuffer
  ) -> ClientError {
    let data = Data(bytes.readableBytesView)
    let words = (try? JSONDecoder().decode(JSON.self, from: data))?["Message"].text
    return ClientError(
      "\(method) \(path) at \(name) gave \(response.status.code): "
        + (words ?? String(decoding: data.prefix(300), as: UTF8.self)),
      status: Int(response.status.code)
    )
  }
}
