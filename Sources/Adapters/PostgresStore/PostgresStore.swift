// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CPQ
package import Store
internal import Synchronization

/// The store in a PostgreSQL database, reached by libpq.
///
/// Every change is a transaction. Of several managers on one database, the one that
/// ``becomeActive(onWaiting:onLost:)`` let through may write.
package final class PostgresStore: SQLStore {
  private let location: String
  private let line: PostgresLine
  private let leadership = Mutex<PostgresLeadership?>(nil)

  /// Opens the database that a URL names, and makes or migrates its tables first if need be.
  ///
  /// `location` is a URL as libpq takes it, `postgres://…`. It may hold a password and is never
  /// part of an error.
  package init(location: String) throws(StoreError) {
    guard Self.canBeRead(location) else {
      throw .unavailable("the store's URL is not one that libpq understands")
    }
    self.location = location
    line = PostgresLine(to: location)
    try line.performHere { connection throws(StoreError) in try Self.migrate(connection) }
  }

  package func close() async throws(StoreError) {
    let leadership = leadership.withLock { held in
      defer { held = nil }
      return held
    }
    await leadership?.resign()
    line.close()
  }

  package var dialect: SQLDialect { .postgres }

  package func write(_ statements: [SQLStatement]) async throws(StoreError) -> [[SQLValue]] {
    let epoch = leadership.withLock { $0?.epoch }
    return try await line.perform { connection throws(StoreError) in
      try connection.transaction { () throws(StoreError) in
        if let epoch { try PostgresLeadership.check(epoch, connection) }
        var rows: [[SQLValue]] = []
        for statement in statements { rows = try connection.run(statement) }
        return rows
      }
    }
  }

  package func read(_ query: SQLStatement) async throws(StoreError) -> [[SQLValue]] {
    try await line.perform { connection throws(StoreError) in try connection.run(query) }
  }

  package func becomeActive(
    onWaiting: @escaping @Sendable (String) -> Void,
    onLost: @escaping @Sendable (String) -> Void
  ) async throws {
    let held = try await PostgresLeadership.acquire(
      at: location,
      onWaiting: onWaiting,
      onLost: onLost
    )
    leadership.withLock { $0 = held }
  }

  private static func canBeRead(_ location: String) -> Bool {
    guard ["postgres://", "postgresql://"].contains(where: location.hasPrefix) else { return false }
    guard let options = PQconninfoParse(location, nil) else { return false }
    PQconninfoFree(options)
    return true
  }

  /// A number of our own among the database's advisory locks: "under", then what it guards.
  static let migrationLock: Int64 = 0x75_6E_64_65_72_00_01

  private static func migrate(_ connection: PostgresConnection) throws(StoreError) {
    try connection.transaction { () throws(StoreError) in
      _ = try connection.run(SQLStatement("SELECT pg_advisory_xact_lock(?)", [migrationLock]))
      try connection.run("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY)")
      let done = try connection.run(SQLStatement("SELECT name FROM migration")).compactMap {
        $0.first?.text
      }
      for step in StoreSchema.steps where !done.contains(step.name) {
        for statement in StoreSchema.statements(of: step, in: .postgres) {
          try connection.run(statement)
        }
        _ = try connection.run(
          SQLStatement("INSERT INTO migration (name) VALUES (?)", [step.name])
        )
      }
      try PostgresLeadership.prepare(connection)
    }
  }
}
