// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import Identity
import Logging
import Manager
import NIOCore
import NIOHTTP1
import NIOSSL
import Orchestration
import RecoveryModel
import SQLiteStore
import Store
import Testing

/// A whole manager on loopback, and a client that trusts its site's authority.
struct RunningManager {
  static let user = "admin"
  static let password = "correct horse"

  let configuration: ManagerConfiguration
  let url: String
  let client: HTTPClient

  /// Runs a manager in a folder of its own for as long as `body` takes, by default at a free port.
  ///
  /// `filled`: What there is at the site; nil is nothing.
  static func run(
    _ name: String = "london",
    listen: (host: String, port: Int) = ("127.0.0.1", 0),
    access: (_ folder: String) throws -> AccessConfiguration? = { _ in nil },
    forwarding: [ForwardingTarget]? = nil,
    filled: FilledSite? = nil,
    logger: Logger = Logger(label: "manager") { _ in SwiftLogNoOpLogHandler() },
    now: @escaping @Sendable () -> WallTime = { .now },
    body: (RunningManager) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-manager-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let configuration = try configuration(
      name,
      listen,
      folder: folder,
      access: access(folder),
      forwarding
    )
    let store = try SQLiteStore(path: folder + "/manager.sqlite")
    try await store.save(
      UserRecord(name: user, passwordHash: try PasswordHash.make(password))
    )
    try await filled?.fill(store, configuration.siteIdentifier)

    let (ports, announce) = AsyncStream.makeStream(of: Int.self)
    try await withThrowingTaskGroup { group in
      group.addTask {
        defer { announce.finish() }
        try await ManagerService(
          configuration: configuration,
          hypervisor: filled?.hypervisor ?? EmptyHypervisor(name: name),
          store: store,
          logger: logger,
          now: now
        ).run { announce.yield($0) }
      }
      guard let port = await ports.first(where: { _ in true }) else {
        try await group.waitForAll()
        return
      }
      try await withClient(folder) { client in
        try await body(
          RunningManager(
            configuration: configuration,
            url: "https://\(listen.host):\(port)",
            client: client
          )
        )
      }
      group.cancelAll()
      while let result = await group.nextResult() {
        if case .failure(let error) = result, !(error is CancellationError) { throw error }
      }
    }
  }

  private static func withClient(
    _ folder: String,
    _ body: (HTTPClient) async throws -> Void
  ) async throws {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = .certificates(
      try NIOSSLCertificate.fromPEMFile(folder + "/authority.pem")
    )
    let client = HTTPClient(configuration: HTTPClient.Configuration(tlsConfiguration: tls))
    do {
      try await body(client)
    } catch {
      try await client.shutdown()
      throw error
    }
    try await client.shutdown()
  }

  private static func configuration(
    _ name: String,
    _ listen: (host: String, port: Int),
    folder: String,
    access: AccessConfiguration?,
    _ forwarding: [ForwardingTarget]?
  ) throws -> ManagerConfiguration {
    var configuration = ManagerConfiguration(
      siteIdentifier: SiteIdentifier(UUID().uuidString.lowercased()),
      siteName: name,
      location: "",
      stateFolder: folder,
      listenHost: listen.host,
      listenPort: listen.port,
      peerHost: "127.0.0.1",
      peerPort: try freePort(),
      advertisedHost: listen.host,
      hypervisorURI: "none",
      identityFolder: folder,
      authorityFolder: folder,
      appliances: [],
      pamService: "understudy-test",
      allowsKVM: false
    )
    configuration.furtherListenPorts = [try freePort()]
    configuration.access = access
    configuration.forwarding = forwarding
    return configuration
  }

  /// A port nobody listens at: peers have to be told it before the manager runs.
  private static func freePort() throws -> Int {
    let listener = try FreePort()
    return listener.number
  }
}

extension RunningManager {
  struct Answer {
    let status: Int
    let headers: [(name: String, value: String)]
    let text: String

    func header(_ name: String) -> [String] {
      headers.filter { $0.name.lowercased() == name }.map(\.value)
    }

    /// A member of the JSON object that was answered.
    func member(_ name: String) -> String? {
      let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      return object?[name].map { "\($0)" }
    }
  }

  func send(
    _ method: String,
    _ path: String,
    body: String? = nil,
    session: String? = nil,
    credentials: String? = nil,
    contentType: String? = nil,
    bearer: String? = nil
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: url + path)
    request.method = .init(rawValue: method)
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    if let session { request.headers.add(name: "X-Zerto-Session", value: session) }
    if let bearer { request.headers.add(name: "Authorization", value: "Bearer \(bearer)") }
    if let contentType { request.headers.add(name: "Content-Type", value: contentType) }
    if let credentials {
      let encoded = Data(credentials.utf8).base64EncodedString()
      request.headers.add(name: "Authorization", value: "Basic \(encoded)")
    }
    let response = try await client.execute(request, timeout: .seconds(30))
    let bytes = try await response.body.collect(upTo: 16 << 20)
    return Answer(
      status: Int(response.status.code),
      headers: response.headers.map { (name: $0.name, value: $0.value) },
      text: String(buffer: bytes)
    )
  }

  /// Logs the manager's own user on.
  func logOn() async throws -> String {
    let answer = try await send(
      "POST",
      "/v1/session/add",
      body: #"{"AuthenticationMethod": 1}"#,
      credentials: "\(Self.user):\(Self.password)"
    )
    return try #require(answer.header("x-zerto-session").first)
  }

  /// Asks for a task until it ends, half a minute at most; the state it ended in.
  func outcome(ofTask quoted: String, session: String) async throws -> String {
    let task = quoted.trimmingCharacters(in: CharacterSet(charactersIn: "\""))
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      let answer = try await send("GET", "/v1/tasks/\(task)", session: session)
      try #require(answer.status == 200, "\(answer.text)")
      if answer.member("Completed") != "<null>" { return answer.text }
      try #require(ContinuousClock.now < deadline, "the task does not end: \(answer.text)")
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
