// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a table keeps against every statement, also against those of its owner.
package enum StoreRetention: Sendable {
  /// Rows are neither changed nor removed.
  case all
  /// Rows are not changed, and removed only if they occurred before the latest row of that table.
  case since(horizon: String)

  /// The triggers that see to it.
  func guards(of table: String, in dialect: SQLDialect) -> [String] {
    let (isOver, words) =
      switch self {
      case .all: ("1 = 0", "only appended to")
      case .since(let horizon):
        (
          "OLD.occurred < coalesce((SELECT max(occurred) FROM \"\(horizon)\"), 0)",
          "only appended to and ends by age"
        )
      }
    let refusal = "'the table \(table) is \(words)'"
    return dialect.hasTriggerFunctions
      ? [
        """
        CREATE OR REPLACE FUNCTION "\(table)IsKept"() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'DELETE' THEN
            IF \(isOver) THEN RETURN OLD; END IF;
          END IF;
          RAISE EXCEPTION \(refusal);
        END $$
        """,
        """
        CREATE TRIGGER "\(table)IsKept" BEFORE UPDATE OR DELETE ON "\(table)"
        FOR EACH ROW EXECUTE FUNCTION "\(table)IsKept"()
        """,
        """
        CREATE TRIGGER "\(table)IsNotEmptied" BEFORE TRUNCATE ON "\(table)"
        FOR EACH STATEMENT EXECUTE FUNCTION "\(table)IsKept"()
        """,
      ]
      : [
        """
        CREATE TRIGGER "\(table)IsUnchanged" BEFORE UPDATE ON "\(table)"
        BEGIN SELECT RAISE(ABORT, \(refusal)); END
        """,
        """
        CREATE TRIGGER "\(table)IsKept" BEFORE DELETE ON "\(table)" WHEN NOT (\(isOver))
        BEGIN SELECT RAISE(ABORT, \(refusal)); END
        """,
      ]
  }
}
