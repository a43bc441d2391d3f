// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CPQ
internal import Glibc
internal import Store

/// One connection of libpq's: blocking calls, one at a time.
final class PostgresConnection {
  private let connection: OpaquePointer

  /// Connects to the server that `location`, a URL of libpq's, names.
  ///
  /// What the URL leaves out comes from libpq's own places: environment, `PGPASSFILE`. A peer that
  /// is silent is given up after seconds, unless the URL says otherwise.
  init(to location: String) throws(StoreError) {
    // What stands later goes before what stands earlier.
    let settings: KeyValuePairs = [
      "connect_timeout": "5", "tcp_user_timeout": "5000", "keepalives_idle": "5",
      "keepalives_interval": "2", "keepalives_count": "2",
      "fallback_application_name": "understudy", "client_encoding": "UTF8", "dbname": location,
    ]
    let opened = withCStrings(settings.map(\.key)) { keys in
      withCStrings(settings.map(\.value)) { values in PQconnectdbParams(keys, values, 1) }
    }
    guard let opened else { throw .unavailable("no memory for a connection") }
    guard PQstatus(opened) == CONNECTION_OK else {
      let words = Self.words(PQerrorMessage(opened))
      PQfinish(opened)
      throw .unavailable("PostgreSQL cannot be reached: \(words)")
    }
    // Notices would go to standard error.
    PQsetNoticeProcessor(opened, { _, _ in }, nil)
    connection = opened
  }

  deinit { PQfinish(connection) }

  /// Whether the server or the way to it was lost: no further call succeeds.
  var isLost: Bool { PQstatus(connection) != CONNECTION_OK }

  /// The socket, to wait for answers on.
  var descriptor: Int32 { PQsocket(connection) }

  /// Runs a statement and returns its rows.
  func run(_ statement: SQLStatement) throws(StoreError) -> [[SQLValue]] {
    let texts = statement.arguments.map { value -> String? in
      switch value {
      case .text(let text): text
      case .integer(let number): String(number)
      case .null: nil
      }
    }
    let result = withCStrings(texts) { values in
      PQexecParams(
        connection,
        statement.numbered,
        Int32(texts.count),
        nil,
        values,
        nil,
        nil,
        0
      )
    }
    defer { PQclear(result) }
    return try rows(of: result)
  }

  func run(_ sql: String) throws(StoreError) { _ = try run(SQLStatement(sql)) }

  /// Runs the statements as one transaction, all or none, and returns the rows of the last.
  func transaction(_ statements: [SQLStatement]) throws(StoreError) -> [[SQLValue]] {
    try transaction { () throws(StoreError) -> [[SQLValue]] in
      var rows: [[SQLValue]] = []
      for statement in statements { rows = try run(statement) }
      return rows
    }
  }

  func transaction<Result>(
    _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try run("BEGIN")
    let result: Result
    do throws(StoreError) { result = try body() } catch {
      if !isLost { try? run("ROLLBACK") }
      throw error
    }
    do throws(StoreError) { try run("COMMIT") } catch {
      guard isLost else { throw error }
      throw .unavailable("the connection was lost while a change was kept; it may have been kept")
    }
    return result
  }

  // MARK: Without blocking

  /// Sends a question that has one short answer.
  func ask(_ sql: String) throws(StoreError) {
    guard PQsendQuery(connection, sql) == 1, PQflush(connection) == 0 else {
      throw .unavailable(Self.words(PQerrorMessage(connection)))
    }
  }

  /// The answer, if it is there whole; nil if more must be waited for.
  func answer() throws(StoreError) -> [[SQLValue]]? {
    guard PQconsumeInput(connection) == 1 else {
      throw .unavailable(Self.words(PQerrorMessage(connection)))
    }
    var last: [[SQLValue]]?
    while PQisBusy(connection) == 0 {
      guard let result = PQgetResult(connection) else { return last ?? [] }
      defer { PQclear(result) }
      last = try rows(of: result)
    }
    return nil
  }

  // MARK: Inside

  private func rows(of result: OpaquePointer?) throws(StoreError) -> [[SQLValue]] {
    switch PQresultStatus(result) {
    case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return []
    case PGRES_TUPLES_OK: break
    default:
      let words = Self.words(PQresultErrorMessage(result))
      throw .unavailable(
        words.isEmpty ? Self.words(PQerrorMessage(connection)) : words
      )
    }
    let columns = 0..<PQnfields(result)
    let areNumbers = columns.map { Self.numberTypes.contains(PQftype(result, $0)) }
    return (0..<PQntuples(result)).map { row in
      columns.map { column in
        guard PQgetisnull(result, row, column) == 0,
          let bytes = PQgetvalue(result, row, column)
        else { return .null }
        let text = String(cString: bytes)
        if areNumbers[Int(column)], let number = Int64(text) { return .integer(number) }
        return .text(text)
      }
    }
  }

  /// The types `int8` and `int4` in PostgreSQL's catalogue `pg_type`.
  private static let numberTypes: Set<Oid> = [20, 23]

  private static func words(_ message: UnsafePointer<CChar>?) -> String {
    guard let message else { return "" }
    return String(cString: message).split(whereSeparator: \.isNewline).joined(separator: "; ")
  }
}

/// Calls with an array of C strings that has a null at its end.
private func withCStrings<Result>(
  _ texts: [String?],
  _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
  let copies = texts.map { text in text.flatMap { strdup($0) } }
  defer { copies.forEach { free($0) } }
  let pointers = copies.map { $0.map { UnsafePointer($0) } } + [nil]
  return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
}
