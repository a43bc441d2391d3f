// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Processes
import Testing

/// An S3 server: Ceph's gateway with a monitor and a store in memory, in a folder of its own.
///
/// All but the gateway listen on the loopback alone. It takes about a quarter of a minute to come
/// up, and 150 MB of memory.
final class S3Server: @unchecked Sendable {
  // Safe: the one test that has it at a time calls it, and the suite's scope before and after.

  /// The server of the suite that runs.
  @TaskLocal static var current: S3Server?

  static let accessKey = "understudy-tests"
  static let secretKey = "known-to-these-tests"

  /// `http://address:port`.
  let endpoint: String
  private let folder: String
  private var daemons: [ChildProcess] = []
  private var gateway: ChildProcess?

  /// The gateway listens at `address`, an IPv4 address of this machine.
  init(at address: String = "127.0.0.1") throws {
    // A socket's path must be short.
    folder = "/tmp/understudy-s3-\(UUID().uuidString.prefix(8))"
    let monitor = "[v2:127.0.0.1:\(try Self.freePort(of: "127.0.0.1"))]"
    let gateway = "\(address):\(try Self.freePort(of: address))"
    endpoint = "http://\(gateway)"
    for name in ["mon", "osd"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)",
        withIntermediateDirectories: true
      )
    }
    do { try start(monitor, gateway) } catch {
      stop()
      throw error
    }
  }

  private func start(_ monitor: String, _ gateway: String) throws {
    let cluster = UUID().uuidString.lowercased()
    try Self.configuration(cluster, monitor, gateway)
      .write(toFile: folder + "/ceph.conf", atomically: false, encoding: .utf8)
    try makeKey("mon.", ["mon": "allow *"], ["--create-keyring"])
    try makeKey("client.admin", ["mon": "allow *", "osd": "allow *"])
    try makeKey("client.gateway", ["mon": "allow rwx", "osd": "allow rwx"])
    try makeKey("osd.0", ["mon": "allow profile osd", "osd": "allow *"])
    try call("monmaptool", "--create", "--addv", "a", monitor, "--fsid", cluster, "monmap")
    try ceph("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
    daemons.append(try daemon("ceph-mon", "-i", "a"))
    // The store takes the identifier it is announced with.
    let store = UUID().uuidString.lowercased()
    try ceph("ceph", "osd", "new", store)
    try ceph("ceph", "auth", "add", "osd.0", "-i", "keyring")
    try ceph("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", store)
    daemons.append(try daemon("ceph-osd", "-i", "0"))
    // It makes the gateway's pools, which takes most of the time.
    try ceph(
      "radosgw-admin",
      "-n",
      "client.gateway",
      "user",
      "create",
      "--uid=tests",
      "--display-name=tests",
      "--access-key=\(Self.accessKey)",
      "--secret-key=\(Self.secretKey)"
    )
    try startGateway()
  }

  /// Ends what was started, the last one first, and removes the folder.
  func stop() {
    killGateway()
    for daemon in daemons.reversed() {
      daemon.send(SIGKILL)
      _ = daemon.wait()
    }
    daemons = []
    try? FileManager.default.removeItem(atPath: folder)
  }

  // MARK: The gateway

  /// Returns once it answers.
  func startGateway() throws {
    gateway = try daemon("radosgw", "-n", "client.gateway")
    try call(
      "curl",
      "-s",
      "-o",
      "/dev/null",
      "--retry",
      "300",
      "--retry-delay",
      "1",
      "--retry-connrefused",
      endpoint
    )
  }

  /// Nobody answers any more; what is stored stays.
  func killGateway() {
    gateway?.send(SIGKILL)
    _ = gateway?.wait()
    gateway = nil
  }

  // MARK: Parts

  private func daemon(_ words: String...) throws -> ChildProcess {
    let program = words + ["-f", "-c", "ceph.conf"]
    return try ChildProcess(program, in: folder)
  }

  private func ceph(_ words: String...) throws {
    try call(words + ["-c", "ceph.conf"])
  }

  private func makeKey(
    _ name: String,
    _ rights: KeyValuePairs<String, String>,
    _ more: [String] = []
  ) throws {
    let caps = rights.flatMap { ["--cap", $0.key, $0.value] }
    try call(["ceph-authtool"] + more + ["keyring", "--gen-key", "-n", name] + caps)
  }

  private func call(_ words: String...) throws { try call(words) }

  private func call(_ words: [String]) throws {
    let (status, printed) = try ChildProcess.run(["timeout", "120"] + words, in: folder)
    try #require(status == 0, "\(words): \(printed)")
  }

  private static func configuration(
    _ cluster: String,
    _ monitor: String,
    _ gateway: String
  ) -> String {
    """
    [global]
    fsid = \(cluster)
    mon host = \(monitor)
    mon initial members = a
    public addr = 127.0.0.1
    cluster addr = 127.0.0.1
    run dir = .
    admin socket =
    pid file =
    log file =
    keyring = keyring
    mon data = mon
    osd data = osd
    osd objectstore = memstore
    memstore device bytes = 1073741824
    osd pool default size = 1
    osd pool default min size = 1
    osd pool default pg num = 1
    osd crush chooseleaf type = 0
    mon allow pool size one = true
    mon max pg per osd = 1000
    auth allow insecure global id reclaim = false
    [client.gateway]
    rgw frontends = beast endpoint=\(gateway)

    """
  }

  /// One that nobody listened at a moment ago.
  private static func freePort(of host: String) throws -> UInt16 {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr(host)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, size) == 0 && getsockname(listener, address, &size) == 0
      }
    }
    try #require(isBound, "errno \(errno)")
    return UInt16(bigEndian: address.sin_port)
  }
}

/// Runs a suite with one server, which it ends afterwards.
struct WithS3Server: SuiteTrait, TestScoping {
  @concurrent func provideScope(
    for test: Test,
    testCase: Test.Case?,
    performing body: @concurrent @Sendable () async throws -> Void
  ) async throws {
    let server = try S3Server()
    defer { server.stop() }
    try await S3Server.$current.withValue(server) { try await body() }
  }
}

extension Trait where Self == WithS3Server {
  /// The suite has ``S3Server/current``.
  static var withS3Server: WithS3Server { WithS3Server() }
}
