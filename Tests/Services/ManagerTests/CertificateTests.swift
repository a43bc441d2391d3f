// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Foundation
import Glibc
import Identity
import Manager
import NIOCore
import NIOHTTP1
import NIOSSL
import RecoveryModel
import Testing

/// The certificate the REST API shows, and how it changes.
@Suite(.serialized) struct CertificateTests {
  private static let day: TimeInterval = 86_400

  @Test func `curl and openssl trust the site's own certificate by its authority`() async throws {
    try await RunningManager.run { manager in
      let file = manager.configuration.stateFolder + "/fetched.pem"
      let fetched = try await manager.send("GET", "/ca.pem").text
      try fetched.write(toFile: file, atomically: true, encoding: .utf8)
      let curl = try await execute(
        "/usr/bin/curl",
        ["--silent", "--show-error", "--fail", "--cacert", file, manager.url + "/v1/"]
      )
      #expect(curl.status == 0, "\(curl.output)")
      let openssl = try await execute(
        "/usr/bin/openssl",
        [
          "s_client", "-connect", manager.url.replacing("https://", with: ""), "-CAfile", file,
          "-verify_return_error", "-verify_ip", "127.0.0.1",
        ]
      )
      #expect(openssl.output.contains("Verify return code: 0 (ok)"), "\(openssl.output)")
    }
  }

  @Test func `a supplied certificate is replaced in use, and an open connection goes on`()
    async throws
  {
    let (old, new) = (try Self.authority("old"), try Self.authority("new"))
    try await Self.withClients(trusting: [old, old, new]) { clients in
      let (trustsOld, trustsOldLater, trustsNew) = (clients[0], clients[1], clients[2])
      try await Self.runManager(supplied: old) { manager, folder in
        let before = try await Self.serial(manager)
        #expect(try await Self.status(trustsOld, manager) == 200)
        await #expect(throws: (any Error).self) { try await Self.status(trustsNew, manager) }

        try Self.supply(new, in: folder)
        try await Self.event("shows a new certificate", in: manager)
        #expect(try await Self.serial(manager) != before)
        #expect(try await Self.status(trustsNew, manager) == 200)
        // This client has no other connection than the one from before.
        #expect(try await Self.status(trustsOld, manager) == 200)
        await #expect(throws: (any Error).self) { try await Self.status(trustsOldLater, manager) }
      }
    }
  }

  @Test(arguments: ["no certificate", "another's key", "ended", "no file"])
  func `a bad file is refused in words, again on SIGHUP, and the old certificate stays`(
    fault: String
  ) async throws {
    let authority = try Self.authority("right")
    try await Self.runManager(supplied: authority) { manager, folder in
      let before = try await Self.serial(manager)
      switch fault {
      case "no certificate":
        try "junk".write(toFile: folder + "/cert.pem", atomically: true, encoding: .utf8)
      case "another's key":
        let other = try authority.issue(role: .manager, name: "other", hosts: []).privateKeyPEM
        try other.write(toFile: folder + "/key.pem", atomically: true, encoding: .utf8)
      case "ended":
        let past = Date() - SiteAuthority.leafValidity - Self.day
        try Self.supply(authority, in: folder, issued: past)
      default:
        try FileManager.default.removeItem(atPath: folder + "/key.pem")
      }
      try await Self.event("cannot be used: ", in: manager)
      kill(getpid(), SIGHUP)
      try await Self.event("cannot be used: ", count: 2, in: manager)
      #expect(try await Self.serial(manager) == before)

      try Self.supply(authority, in: folder)
      try await Self.event("shows a new certificate", in: manager)
      #expect(try await Self.serial(manager) != before)
    }
  }

  @Test func `a supplied certificate that ends is warned of`() async throws {
    let authority = try Self.authority("ending")
    let issued = Date() - SiteAuthority.leafValidity + 29 * Self.day
    try await Self.runManager(supplied: authority, issued: issued) { manager, _ in
      try await Self.event("Put a newer one into", in: manager)
    }
  }

  @Test func `the site's own certificate is renewed before it ends`() async throws {
    try await RunningManager.run { manager in
      let folder = manager.configuration.identityFolder
      let authority = try SiteAuthority.loadOrCreate(
        in: manager.configuration.authorityFolder,
        site: manager.configuration.siteIdentifier,
        name: "london"
      )
      let issued = Date() - SiteAuthority.leafValidity + 29 * Self.day
      try Self.supply(authority, in: folder, issued: issued)
      let ending = try String(contentsOfFile: folder + "/cert.pem", encoding: .utf8)
      // One event for the certificate that ends, one for its successor.
      try await Self.event("shows a new certificate", count: 2, in: manager)
      #expect(try String(contentsOfFile: folder + "/cert.pem", encoding: .utf8) != ending)
      let status = try await execute(
        "/usr/bin/openssl",
        ["x509", "-noout", "-checkend", "\(700 * 86_400)", "-in", folder + "/cert.pem"]
      ).status
      #expect(status == 0)
      #expect(try await manager.send("GET", "/v1/").status == 200)
    }
  }
}

extension CertificateTests {
  /// Runs a manager with a certificate of its operator's, from an authority that is not its site's.
  private static func runManager(
    supplied authority: SiteAuthority,
    issued: Date = Date(),
    _ body: (RunningManager, _ folder: String) async throws -> Void
  ) async throws {
    try await RunningManager.run(access: { folder in
      try supply(authority, in: folder + "/rest", issued: issued)
      var access = AccessConfiguration()
      access.certificateFolder = folder + "/rest"
      return access
    }) { manager in
      // The manager's own client trusts its site alone.
      try await withClients(trusting: [authority]) { clients in
        let trusting = RunningManager(
          configuration: manager.configuration,
          url: manager.url,
          client: clients[0]
        )
        // A connection that outlasts a change of authority.
        _ = try await trusting.logOn()
        try await body(trusting, manager.configuration.stateFolder + "/rest")
      }
    }
  }

  private static func authority(_ name: String) throws -> SiteAuthority {
    let folder = FileManager.default.temporaryDirectory.path + "/ca-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try SiteAuthority.loadOrCreate(
      in: folder,
      site: SiteIdentifier(UUID().uuidString.lowercased()),
      name: name
    )
  }

  private static func supply(
    _ authority: SiteAuthority,
    in folder: String,
    issued: Date = Date()
  ) throws {
    try authority.issue(role: .manager, name: "rest", hosts: ["127.0.0.1"], now: issued)
      .save(in: folder)
  }

  /// Clients that each trust one authority alone, shut down whatever happens.
  private static func withClients(
    trusting authorities: [SiteAuthority],
    _ body: ([HTTPClient]) async throws -> Void
  ) async throws {
    let clients = try authorities.map { authority in
      var tls = TLSConfiguration.makeClientConfiguration()
      tls.trustRoots = .certificates(
        try NIOSSLCertificate.fromPEMBytes(Array(authority.certificatePEM.utf8))
      )
      var settings = HTTPClient.Configuration(tlsConfiguration: tls)
      settings.connectionPool.retryConnectionEstablishment = false
      return HTTPClient(configuration: settings)
    }
    let result: Result<Void, any Error>
    do { result = .success(try await body(clients)) } catch { result = .failure(error) }
    for client in clients { try await client.shutdown() }
    try result.get()
  }

  private static func status(_ client: HTTPClient, _ manager: RunningManager) async throws -> UInt {
    let request = HTTPClientRequest(url: manager.url + "/v1/")
    let answer = try await client.execute(request, timeout: .seconds(10))
    _ = try await answer.body.collect(upTo: 1 << 20)
    return answer.status.code
  }

  /// The serial number of the certificate that a new connection is shown.
  private static func serial(_ manager: RunningManager) async throws -> String {
    let address = manager.url.replacing("https://", with: "")
    let result = try await execute(
      "/bin/sh",
      ["-c", "openssl s_client -connect \(address) </dev/null | openssl x509 -noout -serial"]
    )
    let line = result.output.split(separator: "\n").first { $0.hasPrefix("serial=") }
    return String(try #require(line, "\(result.output)"))
  }

  /// Waits until the manager has told `count` times of something.
  private static func event(_ text: String, count: Int = 1, in manager: RunningManager) async throws
  {
    let session = try await manager.logOn()
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
      let events = try await manager.send("GET", "/v1/events", session: session).text
      if events.components(separatedBy: text).count - 1 >= count { return }
      try #require(ContinuousClock.now < deadline, "\(events)")
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
