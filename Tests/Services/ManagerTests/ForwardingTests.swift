// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import Identity
import Logging
import NIOSSL
import RecoveryModel
import Testing

@testable import Manager

/// Events on their way to real receivers.
@Suite(.timeLimit(.minutes(2))) struct ForwardingTests {
  private static let form = """
    ^<134>1 \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d+Z 127\\.0\\.0\\.1 understudy - logIn \
    \\[understudy@32473 id="[0-9a-f-]{36}" kind="logIn" site="[0-9a-f-]{36}" user="admin" \
    succeeded="true" vpgs=""\\] \u{FEFF}The user admin logged on from 127\\.0\\.0\\.1$
    """

  private func expectLogon(_ text: String) throws {
    let form = try Regex(Self.form)
    #expect(text.wholeMatch(of: form) != nil, "\(text)")
  }

  /// The certificate of a receiver on this machine, and the file of its authority.
  private static func receiver() throws -> (
    tls: TLSConfiguration, authority: String, folder: String
  ) {
    let folder = FileManager.default.temporaryDirectory.path + "/receiver-\(UUID().uuidString)"
    let authority = try SiteAuthority.loadOrCreate(
      in: folder,
      site: SiteIdentifier(UUID().uuidString.lowercased()),
      name: "receiver"
    )
    let identity = try authority.issue(role: .manager, name: "log", hosts: ["127.0.0.1"])
    return (
      try serverTLS(identity: identity, clientCertificate: .none), folder + "/authority.pem", folder
    )
  }

  @Test func `a logon arrives at a syslog receiver over UDP`() async throws {
    let listener = try await Listener.udp()
    let target = ForwardingTarget(url: "udp://127.0.0.1:\(listener.port)")
    try await RunningManager.run(forwarding: [target]) { manager in
      _ = try await manager.logOn()
      let text = await listener.pieces.first { _ in true }
      try expectLogon(try #require(text))
    }
    await listener.close()
  }

  @Test(arguments: [false, true])
  func `a logon arrives over TCP and TLS, its bytes counted`(isTLS: Bool) async throws {
    let receiver = try Self.receiver()
    defer { try? FileManager.default.removeItem(atPath: receiver.folder) }
    let listener = try await Listener.tcp(tls: isTLS ? receiver.tls : nil)
    let target = ForwardingTarget(
      url: "\(isTLS ? "tls" : "tcp")://127.0.0.1:\(listener.port)",
      authorityFile: receiver.authority
    )
    try await RunningManager.run(forwarding: [target]) { manager in
      _ = try await manager.logOn()
      let frame = try #require(await listener.pieces.first { _ in true })
      let parts = frame.split(separator: " ", maxSplits: 1)
      #expect(Int(parts[0]) == parts[1].utf8.count)
      try expectLogon(String(parts[1]))
    }
    await listener.close()
  }

  @Test func `a webhook gets each event signed, and again if it was refused`() async throws {
    let receiver = try Self.receiver()
    defer { try? FileManager.default.removeItem(atPath: receiver.folder) }
    try "shared\nnot this".write(
      toFile: receiver.folder + "/secret",
      atomically: true,
      encoding: .utf8
    )
    let listener = try await Listener.tcp(tls: receiver.tls, statuses: [500, 200])
    let target = ForwardingTarget(
      url: "https://127.0.0.1:\(listener.port)/hook",
      authorityFile: receiver.authority,
      secretFile: receiver.folder + "/secret"
    )
    try await RunningManager.run(forwarding: [target]) { manager in
      _ = try await manager.logOn()
      var requests = listener.pieces.makeAsyncIterator()
      let first = try #require(await requests.next())
      let second = try #require(await requests.next())
      for request in [first, second] {
        #expect(request.hasPrefix("POST /hook HTTP/1.1\r\n"))
        let body = try #require(request.split(separator: "\r\n\r\n", maxSplits: 1).last)
        let time = try #require(request.firstMatch(of: /X-Understudy-Timestamp: (\d+)/)).1
        let code = try #require(
          request.firstMatch(of: /X-Understudy-Signature: sha256=([0-9a-f]{64})/)
        ).1
        let expected = HMAC<SHA256>.authenticationCode(
          for: Data("\(time).\(body)".utf8),
          using: SymmetricKey(data: Data("shared".utf8))
        )
        #expect(expected.map { String(format: "%02x", $0) }.joined() == code)
        #expect(body.contains(#""kind":"logIn""#) && body.contains(#""type":60"#))
      }
    }
    await listener.close()
  }

  @Test func `an event waits for a receiver that comes later`() async throws {
    let port = try FreePort().number
    let target = ForwardingTarget(url: "tcp://127.0.0.1:\(port)")
    let (lines, write) = AsyncStream.makeStream(of: String.self)
    let logger = Logger(label: "manager") { _ in LineLog(write: write) }
    try await RunningManager.run(forwarding: [target], logger: logger) { manager in
      _ = try await manager.logOn()
      #expect(await lines.first { $0 == "event not forwarded yet" } != nil)
      let listener = try await Listener.tcp(port: port)
      #expect(await listener.pieces.first { $0.contains("The user admin logged on") } != nil)
      await listener.close()
    }
  }

  @Test func `a receiver that never answers a handshake holds nobody, nor a manager that stops`()
    async throws
  {
    let listener = try await Listener.tcp()
    let target = ForwardingTarget(url: "tls://127.0.0.1:\(listener.port)")
    try await RunningManager.run(forwarding: [target]) { manager in
      _ = try await manager.logOn()
      #expect(await listener.pieces.first { _ in true } != nil)
      #expect(try await manager.send("GET", "/v1/serverDateTime/serverDateTimeUtc").status > 0)
    }
    await listener.close()
  }

  @Test func `logs name a webhook's host and not its path, which may be a secret`() {
    let target = ForwardingTarget(url: "https://u:p@hooks.example.org:8443/T0/secret?token=x")
    #expect(target.name == "https://hooks.example.org:8443")
    #expect(ForwardingTarget(url: "udp://log").name == "udp://log")
  }

  @Test(arguments: ["nowhere", "http://x/", "https://x/", "smtp://x:1"])
  func `a target that is none keeps the manager from starting`(url: String) async throws {
    await #expect(throws: ManagerConfigurationError.self) {
      try await RunningManager.run(forwarding: [ForwardingTarget(url: url)]) { _ in }
    }
  }
}
