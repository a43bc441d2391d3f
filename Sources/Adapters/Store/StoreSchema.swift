// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The tables, and how older databases become newer ones.
///
/// A step that has been released is never changed: a new one follows it.
package enum StoreSchema {
  /// What a database goes through, once each and in this order.
  package static let steps: [(name: String, tables: [StoreTable])] = [
    (
      "1",
      [
        .keyed("peer", by: "site"), .keyed("pairingToken", by: "identifier"),
        .keyed("user", by: "name"), .keyed("vpg", by: "identifier"),
        .keyed("workflow", by: "identifier"), .timed("task", by: "started"),
        .timed("event", by: "occurred"),
      ]
    ),
    ("setting", [.keyed("setting", by: "name")]),
    ("alert", [.keyed("alert", by: "identifier")]),
    ("role", [.keyed("role", by: "subject")]),
    (
      "service profiles and organisations",
      [.keyed("serviceProfile", by: "identifier"), .keyed("organisation", by: "identifier")]
    ),
    (
      "resource samples and recovery reports",
      [
        StoreTable(
          name: "resourceSample",
          columns: [
            .init(name: "time", type: .integer, rule: .indexed),
            .init(name: "vpg", type: .text), .init(name: "vm", type: .text),
          ],
          isNumbered: true
        ),
        StoreTable(
          name: "recoveryReport",
          columns: [
            .init(name: "identifier", type: .text, rule: .primaryKey),
            .init(name: "began", type: .integer, rule: .indexed),
          ],
          isNumbered: false
        ),
      ]
    ),
    (
      "vpgExport",
      [
        StoreTable(
          name: "vpgExport",
          columns: [.init(name: "time", type: .integer, rule: .primaryKey)],
          isNumbered: false
        )
      ]
    ),
    ("client", [.keyed("client", by: "identifier")]),
    (
      "audit",
      [
        // Up to when the audit log has ended by age, once for each time it did.
        StoreTable(
          name: "auditHorizon",
          columns: [.init(name: "occurred", type: .integer, rule: .primaryKey)],
          isNumbered: false,
          retention: .all
        ),
        .timed("audit", by: "occurred", retention: .since(horizon: "auditHorizon")),
      ]
    ),
    ("alert subjects", []),
    ("frozenGuest", [.keyed("frozenGuest", by: "vm")]),
    ("blueprint", [.keyed("blueprint", by: "stream")]),
    (
      "retention",
      [.keyed("repository", by: "identifier"), .keyed("retentionSet", by: "identifier")]
    ),
    ("appliance", [.keyed("appliance", by: "identifier")]),
  ]

  /// The tables that a step empties.
  ///
  /// Alerts came to be about more than journals; those that are still due are raised again.
  private static let emptied = ["alert subjects": ["alert"]]

  /// What a database runs to go through a step.
  package static func statements(
    of step: (name: String, tables: [StoreTable]),
    in dialect: SQLDialect
  ) -> [String] {
    step.tables.flatMap { $0.creation(in: dialect) }
      + emptied[step.name, default: []].map { "DELETE FROM \"\($0)\"" }
  }

  /// Every table, in the order they came to be.
  package static var tables: [StoreTable] { steps.flatMap(\.tables) }
}

/// A table: keys, and each record as one JSON text, so that a record can gain members without a
/// change of the schema.
package struct StoreTable: Sendable {
  package var name: String
  /// Beside `json`.
  package var columns: [Column]
  /// Whether rows are numbered, in a column `row`, as they come.
  package var isNumbered: Bool
  /// Nil if rows may be changed and removed.
  package var retention: StoreRetention?

  package struct Column: Sendable {
    var name: String
    var type: Kind
    var rule: Rule?
  }

  package enum Kind: Sendable { case text, integer }
  package enum Rule: Sendable { case primaryKey, unique, indexed }

  /// A table in which each record has a key and no order.
  static func keyed(_ name: String, by key: String) -> StoreTable {
    StoreTable(
      name: name,
      columns: [Column(name: key, type: .text, rule: .primaryKey)],
      isNumbered: false
    )
  }

  /// A table in which records have an `identifier`, and an order by time and arrival.
  static func timed(
    _ name: String,
    by time: String,
    retention: StoreRetention? = nil
  ) -> StoreTable {
    StoreTable(
      name: name,
      columns: [
        Column(name: "identifier", type: .text, rule: .unique),
        Column(name: time, type: .integer, rule: .indexed),
      ],
      isNumbered: true,
      retention: retention
    )
  }

  /// The columns that a copy of a row has; the number is given anew.
  package var copied: [String] { columns.map(\.name) + ["json"] }

  /// The order in which rows came, as far as it matters.
  package var order: String { isNumbered ? "\"row\"" : columns[0].name }

  /// The statements that make the table.
  package func creation(in dialect: SQLDialect) -> [String] {
    var parts: [String] = isNumbered ? ["\"row\" " + dialect.rowNumber] : []
    for column in columns {
      let type = column.type == .text ? dialect.text : dialect.integer
      let rule =
        switch column.rule {
        case .primaryKey: " PRIMARY KEY"
        case .unique: " UNIQUE"
        case .indexed, nil: ""
        }
      parts.append("\(column.name) \(type) NOT NULL\(rule)")
    }
    parts.append("json TEXT NOT NULL")
    return ["CREATE TABLE \"\(name)\" (\(parts.joined(separator: ", ")))"]
      + columns.filter { $0.rule == .indexed }.map {
        "CREATE INDEX \"\(name)_\($0.name)\" ON \"\(name)\" (\($0.name))"
      } + (retention?.guards(of: name, in: dialect) ?? [])
  }

  /// The statements that empty the table, as its creation left it.
  package func emptying(in dialect: SQLDialect) -> [String] {
    retention == nil
      ? ["DELETE FROM \"\(name)\""] : ["DROP TABLE \"\(name)\""] + creation(in: dialect)
  }
}

/// Where the databases' words differ.
package struct SQLDialect: Sendable {
  /// The type of texts; they are ordered by their bytes.
  var text: String
  /// The type of 64-bit integers.
  var integer: String
  /// The type of a row's number, which the database gives.
  var rowNumber: String
  /// Whether triggers run functions, and not statements of their own.
  var hasTriggerFunctions: Bool

  package static let sqlite = SQLDialect(
    text: "TEXT",
    integer: "INTEGER",
    rowNumber: "INTEGER PRIMARY KEY AUTOINCREMENT",
    hasTriggerFunctions: false
  )

  package static let postgres = SQLDialect(
    text: "TEXT COLLATE \"C\"",
    integer: "BIGINT",
    rowNumber: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    hasTriggerFunctions: true
  )
}
