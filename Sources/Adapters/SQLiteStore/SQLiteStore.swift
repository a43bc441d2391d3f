// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import GRDB
package import Store

/// The store in one SQLite file: write-ahead log, every commit flushed to the disk.
package final class SQLiteStore: SQLStore {
  private let database: DatabasePool

  /// Opens the file, and makes or migrates it first if need be.
  ///
  /// Only its owner may read it: it holds secrets.
  package init(path: String) throws(StoreError) {
    do {
      var configuration = Configuration()
      configuration.prepareDatabase { connection in
        try connection.execute(sql: "PRAGMA synchronous = FULL")
      }
      configuration.busyMode = .timeout(5)
      if !FileManager.default.fileExists(atPath: path) {
        let isMade = FileManager.default.createFile(
          atPath: path,
          contents: nil,
          attributes: [.posixPermissions: 0o600]
        )
        guard isMade else { throw StoreError.unavailable("\(path) cannot be made") }
      }
      database = try DatabasePool(path: path, configuration: configuration)
      try Self.migrator.migrate(database)
    } catch { throw StoreError(error) }
  }

  /// Closes the file; calls afterwards fail.
  package func close() async throws(StoreError) {
    do { try database.close() } catch { throw StoreError(error) }
  }

  package var dialect: SQLDialect { .sqlite }

  package func write(_ statements: [SQLStatement]) async throws(StoreError) -> [[SQLValue]] {
    do {
      return try await database.write { connection in
        guard let last = statements.last else { return [] }
        for statement in statements.dropLast() {
          try connection.cachedStatement(sql: statement.sql)
            .execute(arguments: Self.arguments(of: statement))
        }
        return try Self.rows(of: last, connection)
      }
    } catch { throw StoreError(error) }
  }

  package func read(_ query: SQLStatement) async throws(StoreError) -> [[SQLValue]] {
    do {
      return try await database.read { connection in try Self.rows(of: query, connection) }
    } catch { throw StoreError(error) }
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    for step in StoreSchema.steps {
      migrator.registerMigration(step.name) { connection in
        for statement in StoreSchema.statements(of: step, in: .sqlite) {
          try connection.execute(sql: statement)
        }
      }
    }
    return migrator
  }

  private static func arguments(of statement: SQLStatement) -> StatementArguments {
    StatementArguments(
      statement.arguments.map { value -> (any DatabaseValueConvertible)? in
        switch value {
        case .text(let text): text
        case .integer(let number): number
        case .null: nil
        }
      }
    )
  }

  private static func rows(
    of statement: SQLStatement,
    _ connection: Database
  ) throws -> [[SQLValue]] {
    let prepared = try connection.cachedStatement(sql: statement.sql)
    let cursor = try Row.fetchCursor(prepared, arguments: arguments(of: statement))
    var rows: [[SQLValue]] = []
    while let row = try cursor.next() {
      rows.append(row.databaseValues.map(Self.value))
    }
    return rows
  }

  private static func value(_ value: DatabaseValue) -> SQLValue {
    switch value.storage {
    case .string(let text): .text(text)
    case .int64(let number): .integer(number)
    case .null: .null
    // No column of ours holds these.
    case .double(let number): .text("\(number)")
    case .blob(let data): .text(String(decoding: data, as: UTF8.self))
    }
  }
}
