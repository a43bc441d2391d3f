// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A PostgreSQL server of Debian's package, in a folder of its own, reached by a unix socket alone.
final class PostgresServer: Sendable {
  /// The server of the suite that runs.
  @TaskLocal static var current: PostgresServer?

  let folder: String
  private let process: Process

  /// Makes an empty cluster and starts it, as the user `postgres` if the tests run as root.
  init() throws {
    let programs = try #require(
      try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").sorted().last
        .map { "/usr/lib/postgresql/\($0)/bin/" }
    )
    // A socket's path must be short.
    folder = "/tmp/understudy-pg-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    var prefix: [String] = []
    if getuid() == 0 {
      try Self.call(["chown", "postgres", folder])
      prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    }
    let data = folder + "/data"
    try Self.call(
      prefix + [
        programs + "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync",
        "--locale=C.UTF-8",
      ]
    )
    process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
      prefix + [
        programs + "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c",
        "fsync=off",
      ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    try Self.call([
      "sh", "-c",
      "for i in $(seq 300); do pg_isready -q -h \(folder) && exit 0; sleep 0.1; done; exit 1",
    ])
  }

  /// Ends the server and removes its folder.
  func stop() throws {
    process.interrupt()
    process.waitUntilExit()
    try FileManager.default.removeItem(atPath: folder)
  }

  /// The URL of a new, empty database.
  func makeDatabase() throws -> String {
    let name = "d" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
    try query("CREATE DATABASE \(name)", in: "postgres")
    return url(name)
  }

  func url(_ database: String) -> String {
    "postgres://postgres@/\(database)?host=\(folder)"
  }

  /// Ends connections to a database, all or those that hold an advisory lock, as a failure would.
  func cutConnections(to url: String, onlyLocks: Bool = false) throws {
    let database = try #require(URLComponents(string: url)?.path.dropFirst())
    let some = onlyLocks ? "AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')" : ""
    try query(
      """
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = '\(database)' \(some)
      """,
      in: "postgres"
    )
  }

  func query(_ sql: String, in database: String) throws {
    try Self.call(["psql", "-q", "-h", folder, "-U", "postgres", "-d", database, "-c", sql])
  }

  private static func call(_ words: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(words)")
  }
}

/// Runs a suite with one server, which it ends afterwards.
struct WithPostgres: SuiteTrait, TestScoping {
  @concurrent func provideScope(
    for test: Test,
    testCase: Test.Case?,
    performing body: @concurrent @Sendable () async throws -> Void
  ) async throws {
    let server = try PostgresServer()
    defer { #expect(throws: Never.self) { try server.stop() } }
    try await PostgresServer.$current.withValue(server) { try await body() }
  }
}

extension Trait where Self == WithPostgres {
  static var withPostgres: WithPostgres { WithPostgres() }
}
