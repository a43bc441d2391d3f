// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Copies all of one store into an empty one, of whatever kind they are.
package struct StoreCopy: Sendable {
  private static let rowsAtOnce: Int64 = 1000

  private let source: any SQLStore
  private let target: any SQLStore

  package init(from source: any SQLStore, to target: any SQLStore) {
    self.source = source
    self.target = target
  }

  /// Copies every row and counts them on both sides.
  ///
  /// No manager may work on either store. If it fails, the target is emptied again.
  ///
  /// - Returns: How many rows each table has.
  /// - Throws: ``Refusal`` or ``StoreError``.
  package func run() async throws -> [(table: String, rows: Int64)] {
    for table in StoreSchema.tables where try await count(table, in: target) > 0 {
      throw Refusal.notEmpty(table: table.name)
    }
    do {
      var counts: [(table: String, rows: Int64)] = []
      for table in StoreSchema.tables {
        try await copy(table)
        let (read, kept) = (try await count(table, in: source), try await count(table, in: target))
        guard read == kept else {
          throw Refusal.differs(table: table.name, source: read, target: kept)
        }
        counts.append((table.name, kept))
      }
      return counts
    } catch {
      let removals = StoreSchema.tables.flatMap { $0.emptying(in: target.dialect) }
      _ = try await target.write(removals.map { SQLStatement($0) })
      throw error
    }
  }

  /// Why stores are not copied.
  package enum Refusal: Error, Equatable, CustomStringConvertible {
    case notEmpty(table: String)
    case differs(table: String, source: Int64, target: Int64)

    package var description: String {
      switch self {
      case .notEmpty(let table):
        "The target is not empty: its table “\(table)” has rows. Nothing was copied."
      case .differs(let table, let source, let target):
        """
        The table “\(table)” has \(source) rows in the source and \(target) in the copy. Does \
        a manager work on the source? The target was emptied again.
        """
      }
    }
  }

  private func copy(_ table: StoreTable) async throws(StoreError) {
    let columns = table.copied
    let insertion = """
      INSERT INTO "\(table.name)" (\(columns.joined(separator: ", ")))
      VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
      """
    var last: SQLValue?
    while true {
      let rows = try await source.read(
        SQLStatement(
          """
          SELECT \(table.order), \(columns.joined(separator: ", ")) FROM "\(table.name)"
          \(last == nil ? "" : "WHERE \(table.order) > ?") ORDER BY \(table.order) LIMIT ?
          """,
          (last.map { [$0] } ?? []) + [.integer(Self.rowsAtOnce)]
        )
      )
      guard let end = rows.last?.first else { return }
      last = end
      _ = try await target.write(rows.map { SQLStatement(insertion, Array($0.dropFirst())) })
    }
  }

  private func count(_ table: StoreTable, in store: any SQLStore) async throws(StoreError) -> Int64
  {
    let rows = try await store.read(SQLStatement("SELECT count(*) FROM \"\(table.name)\""))
    guard let count = rows.first?.first?.integer else { throw .corrupt("a count has no row") }
    return count
  }
}
