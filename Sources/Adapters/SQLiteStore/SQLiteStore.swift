// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import GRDB
package import RecoveryModel
package import Store

/// The store in one SQLite file: write-ahead log, every commit flushed to the disk.
///
/// Each kind of record is a table of keys and one JSON text, so that a record can gain members
/// without a migration.
package final class SQLiteStore: Store {
  let database: DatabasePool

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
      try Schema.migrator.migrate(database)
    } catch { throw StoreError(error) }
  }

  /// Closes the file; calls afterwards fail.
  package func close() throws(StoreError) {
    do { try database.close() } catch { throw StoreError(error) }
  }

  // MARK: Sites

  package func peers() async throws(StoreError) -> [PeerRecord] {
    try await records("SELECT json FROM peer ORDER BY site")
  }

  package func save(_ peer: PeerRecord) async throws(StoreError) {
    try await put(
      peer,
      "INSERT OR REPLACE INTO peer (json, site) VALUES (?, ?)",
      [peer.site.rawValue]
    )
  }

  package func removePeer(_ site: SiteIdentifier) async throws(StoreError) {
    try await write("DELETE FROM peer WHERE site = ?", [site.rawValue])
  }

  package func pairingTokens() async throws(StoreError) -> [PairingTokenRecord] {
    try await records("SELECT json FROM pairingToken ORDER BY identifier")
  }

  package func save(_ token: PairingTokenRecord) async throws(StoreError) {
    try await put(
      token,
      "INSERT OR REPLACE INTO pairingToken (json, identifier) VALUES (?, ?)",
      [token.identifier]
    )
  }

  package func takePairingToken(
    _ identifier: String
  ) async throws(StoreError) -> PairingTokenRecord? {
    do {
      return try await database.write { connection in
        let text = try String.fetchOne(
          connection,
          sql: "DELETE FROM pairingToken WHERE identifier = ? RETURNING json",
          arguments: [identifier]
        )
        return try text.map { try RecordText.decode($0) }
      }
    } catch { throw StoreError(error) }
  }

  package func replicationSettings() async throws(StoreError) -> ReplicationSettings? {
    try await record("SELECT json FROM setting WHERE name = ?", ["replication"])
  }

  package func save(_ settings: ReplicationSettings) async throws(StoreError) {
    try await put(
      settings,
      "INSERT OR REPLACE INTO setting (json, name) VALUES (?, ?)",
      ["replication"]
    )
  }

  // MARK: Users

  package func user(_ name: String) async throws(StoreError) -> UserRecord? {
    try await record("SELECT json FROM user WHERE name = ?", [name])
  }

  package func save(_ user: UserRecord) async throws(StoreError) {
    try await put(user, "INSERT OR REPLACE INTO user (json, name) VALUES (?, ?)", [user.name])
  }

  package func removeUser(_ name: String) async throws(StoreError) {
    try await write("DELETE FROM user WHERE name = ?", [name])
  }

  // MARK: VPGs

  package func vpgs() async throws(StoreError) -> [VPGRecord] {
    try await records("SELECT json FROM vpg ORDER BY identifier")
  }

  package func save(_ vpg: VPGRecord) async throws(StoreError) {
    try await put(
      vpg,
      "INSERT OR REPLACE INTO vpg (json, identifier) VALUES (?, ?)",
      [vpg.definition.identifier.rawValue]
    )
  }

  package func removeVPG(_ vpg: VPGIdentifier) async throws(StoreError) {
    try await write("DELETE FROM vpg WHERE identifier = ?", [vpg.rawValue])
  }

  // MARK: Work

  package func workflows() async throws(StoreError) -> [WorkflowRecord] {
    try await records("SELECT json FROM workflow ORDER BY identifier")
  }

  package func save(_ workflow: WorkflowRecord) async throws(StoreError) {
    try await put(
      workflow,
      "INSERT OR REPLACE INTO workflow (json, identifier) VALUES (?, ?)",
      [workflow.identifier]
    )
  }

  package func removeWorkflow(_ identifier: String) async throws(StoreError) {
    try await write("DELETE FROM workflow WHERE identifier = ?", [identifier])
  }

  package func tasks() async throws(StoreError) -> [TaskRecord] {
    try await records("SELECT json FROM task ORDER BY started DESC, rowid DESC")
  }

  package func task(_ identifier: TaskIdentifier) async throws(StoreError) -> TaskRecord? {
    try await record("SELECT json FROM task WHERE identifier = ?", [identifier.rawValue])
  }

  package func save(_ task: TaskRecord) async throws(StoreError) {
    try await put(
      task,
      """
      INSERT INTO task (json, identifier, started) VALUES (?, ?, ?)
      ON CONFLICT (identifier) DO UPDATE SET json = excluded.json
      """,
      [task.identifier.rawValue, task.started.milliseconds]
    )
  }

  package func events(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws(StoreError) -> [EventRecord] {
    try await records(
      """
      SELECT json FROM event WHERE occurred BETWEEN ? AND ?
      ORDER BY occurred DESC, rowid DESC LIMIT ?
      """,
      [start?.milliseconds ?? .min, end?.milliseconds ?? .max, max(limit, 0)]
    )
  }

  package func event(_ identifier: String) async throws(StoreError) -> EventRecord? {
    try await record("SELECT json FROM event WHERE identifier = ?", [identifier])
  }

  package func save(_ event: EventRecord) async throws(StoreError) {
    try await put(
      event,
      "INSERT OR REPLACE INTO event (json, identifier, occurred) VALUES (?, ?, ?)",
      [event.identifier, event.occurred.milliseconds]
    )
  }

  package func alerts() async throws(StoreError) -> [AlertRecord] {
    try await records("SELECT json FROM alert ORDER BY identifier")
  }

  package func save(_ alert: AlertRecord) async throws(StoreError) {
    try await put(
      alert,
      "INSERT OR REPLACE INTO alert (json, identifier) VALUES (?, ?)",
      [alert.identifier]
    )
  }

  package func removeAlert(_ identifier: String) async throws(StoreError) {
    try await write("DELETE FROM alert WHERE identifier = ?", [identifier])
  }

  // MARK: Exports

  package func vpgExports() async throws(StoreError) -> [VPGExportRecord] {
    try await records("SELECT json FROM vpgExport ORDER BY time DESC")
  }

  package func save(_ export: VPGExportRecord) async throws(StoreError) {
    try await put(
      export,
      "INSERT OR REPLACE INTO vpgExport (json, time) VALUES (?, ?)",
      [export.time.milliseconds]
    )
  }

  package func removeVPGExport(at time: WallTime) async throws(StoreError) {
    try await write("DELETE FROM vpgExport WHERE time = ?", [time.milliseconds])
  }

  // MARK: Inside

  /// Every record of a query whose only column is the record's JSON.
  func records<Record: Decodable & Sendable>(
    _ sql: String,
    _ arguments: StatementArguments = []
  ) async throws(StoreError) -> [Record] {
    do {
      return try await database.read { connection in
        try String.fetchAll(connection, sql: sql, arguments: arguments)
          .map { try RecordText.decode($0) }
      }
    } catch { throw StoreError(error) }
  }

  func record<Record: Decodable & Sendable>(
    _ sql: String,
    _ arguments: StatementArguments
  ) async throws(StoreError) -> Record? {
    let found: [Record] = try await records(sql, arguments)
    return found.first
  }

  /// Runs a statement whose first argument is the record's JSON.
  func put(
    _ record: some Encodable,
    _ sql: String,
    _ keys: StatementArguments
  ) async throws(StoreError) {
    let text: String
    do { text = try RecordText.encode(record) } catch { throw StoreError(error) }
    try await write(sql, [text] + keys)
  }

  func write(_ sql: String, _ arguments: StatementArguments) async throws(StoreError) {
    do {
      try await database.write { connection in
        try connection.execute(sql: sql, arguments: arguments)
      }
    } catch { throw StoreError(error) }
  }
}
