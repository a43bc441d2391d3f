// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// The tables, and how older files become newer ones.
///
/// A migration that has been released is never changed: a new one follows it.
enum Schema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { connection in
      for (table, key) in [
        ("peer", "site"), ("pairingToken", "identifier"), ("user", "name"), ("vpg", "identifier"),
        ("workflow", "identifier"),
      ] {
        try connection.create(table: table) {
          $0.primaryKey(key, .text)
          $0.column("json", .text).notNull()
        }
      }
      for (table, time) in [("task", "started"), ("event", "occurred")] {
        try connection.create(table: table) {
          $0.autoIncrementedPrimaryKey("row")
          $0.column("identifier", .text).notNull().unique()
          $0.column(time, .integer).notNull().indexed()
          $0.column("json", .text).notNull()
        }
      }
    }
    migrator.registerMigration("setting") { connection in
      try connection.create(table: "setting") {
        $0.primaryKey("name", .text)
        $0.column("json", .text).notNull()
      }
    }
    migrator.registerMigration("alert") { connection in
      try connection.create(table: "alert") {
        $0.primaryKey("identifier", .text)
        $0.column("json", .text).notNull()
      }
    }
    migrator.registerMigration("role") { connection in
      try connection.create(table: "role") {
        $0.primaryKey("subject", .text)
        $0.column("json", .text).notNull()
      }
    }
    migrator.registerMigration("service profiles and organisations") { connection in
      for table in ["serviceProfile", "organisation"] {
        try connection.create(table: table) {
          $0.primaryKey("identifier", .text)
          $0.column("json", .text).notNull()
        }
      }
    }
    migrator.registerMigration("resource samples and recovery reports") { connection in
      try connection.create(table: "resourceSample") {
        $0.autoIncrementedPrimaryKey("row")
        $0.column("time", .integer).notNull().indexed()
        $0.column("vpg", .text).notNull()
        $0.column("vm", .text).notNull()
        $0.column("json", .text).notNull()
      }
      try connection.create(table: "recoveryReport") {
        $0.primaryKey("identifier", .text)
        $0.column("began", .integer).notNull().indexed()
        $0.column("json", .text).notNull()
      }
    }
    migrator.registerMigration("vpgExport") { connection in
      try connection.create(table: "vpgExport") {
        $0.primaryKey("time", .integer)
        $0.column("json", .text).notNull()
      }
    }
    return migrator
  }
}
