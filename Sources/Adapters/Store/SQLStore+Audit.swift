// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Who did what.
extension SQLStore {
  package func audit(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws(StoreError) -> [AuditRecord] {
    try await records(
      """
      SELECT json FROM "audit" WHERE occurred BETWEEN ? AND ?
      ORDER BY occurred DESC, "row" DESC LIMIT ?
      """,
      [start?.milliseconds ?? Int64.min, end?.milliseconds ?? Int64.max, max(limit, 0)]
    )
  }

  package func append(_ record: AuditRecord) async throws(StoreError) {
    try await put(
      record,
      in: "audit",
      [("identifier", record.identifier), ("occurred", record.occurred)]
    )
  }

  package func removeAudit(before time: WallTime) async throws(StoreError) -> Int {
    try await write([
      SQLStatement(
        """
        INSERT INTO "auditHorizon" (occurred, json) SELECT CAST(? AS BIGINT), '{}'
        WHERE EXISTS (SELECT 1 FROM "audit" WHERE occurred < ?) ON CONFLICT (occurred) DO NOTHING
        """,
        [time, time]
      ),
      SQLStatement("DELETE FROM \"audit\" WHERE occurred < ? RETURNING occurred", [time]),
    ]).count
  }
}
