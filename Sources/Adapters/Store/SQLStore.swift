// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// A store in a database that speaks SQL.
///
/// Tables, records and queries are described once, here and in ``StoreSchema``; a database adds how
/// it runs statements. The SQL is what SQLite and PostgreSQL both understand.
package protocol SQLStore: Store {
  /// How the database writes what SQL leaves open.
  var dialect: SQLDialect { get }

  /// Runs the statements as one transaction, durable when it returns, and returns the rows of the
  /// last one.
  func write(_ statements: [SQLStatement]) async throws(StoreError) -> [[SQLValue]]

  /// Returns the rows of a query.
  func read(_ query: SQLStatement) async throws(StoreError) -> [[SQLValue]]
}

/// A statement and the values of its parameters, each of which is a `?` in the text.
package struct SQLStatement: Sendable {
  package var sql: String
  package var arguments: [SQLValue]

  package init(_ sql: String, _ arguments: [any SQLArgument] = []) {
    self.sql = sql
    self.arguments = arguments.map(\.sqlValue)
  }

  /// The text with PostgreSQL's parameters, `$1` and so on.
  ///
  /// No text of ours has a question mark that is not a parameter.
  package var numbered: String {
    var result = ""
    var number = 0
    for character in sql {
      if character == "?" {
        number += 1
        result += "$\(number)"
      } else {
        result.append(character)
      }
    }
    return result
  }
}

/// What a column holds.
package enum SQLValue: Sendable, Equatable, SQLArgument {
  case text(String)
  case integer(Int64)
  case null

  package var sqlValue: SQLValue { self }

  package var text: String? { if case .text(let text) = self { text } else { nil } }
  package var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
}

/// What can be a parameter of a statement.
package protocol SQLArgument: Sendable {
  var sqlValue: SQLValue { get }
}

extension String: SQLArgument {
  package var sqlValue: SQLValue { .text(self) }
}

extension Int64: SQLArgument {
  package var sqlValue: SQLValue { .integer(self) }
}

extension Int: SQLArgument {
  package var sqlValue: SQLValue { .integer(Int64(self)) }
}

extension WallTime: SQLArgument {
  package var sqlValue: SQLValue { .integer(milliseconds) }
}

extension SQLStore {
  /// Every record of a query whose only column is the record's JSON.
  func records<Record: Decodable & Sendable>(
    _ sql: String,
    _ arguments: [any SQLArgument] = []
  ) async throws(StoreError) -> [Record] {
    let rows = try await read(SQLStatement(sql, arguments))
    return try rows.map(RecordText.decode)
  }

  func record<Record: Decodable & Sendable>(
    _ sql: String,
    _ arguments: [any SQLArgument]
  ) async throws(StoreError) -> Record? {
    let found: [Record] = try await records(sql, arguments)
    return found.first
  }

  /// Keeps a record by its key, instead of an earlier one of the same key.
  ///
  /// `keys` are the table's columns beside the JSON; the first is the key.
  func put(
    _ record: some Encodable,
    in table: String,
    _ keys: [(column: String, value: any SQLArgument)]
  ) async throws(StoreError) {
    _ = try await write([try Self.insertion(of: record, in: table, keys)])
  }

  static func insertion(
    of record: some Encodable,
    in table: String,
    _ keys: [(column: String, value: any SQLArgument)]
  ) throws(StoreError) -> SQLStatement {
    let columns = keys.map(\.column)
    return SQLStatement(
      """
      INSERT INTO "\(table)" (json, \(columns.joined(separator: ", ")))
      VALUES (?\(String(repeating: ", ?", count: keys.count)))
      ON CONFLICT (\(columns[0])) DO UPDATE SET json = excluded.json
      """,
      [try RecordText.encode(record)] + keys.map(\.value)
    )
  }

  func execute(_ sql: String, _ arguments: [any SQLArgument]) async throws(StoreError) {
    _ = try await write([SQLStatement(sql, arguments)])
  }
}
