// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Store
import Testing

@Suite(.withPostgres) struct AuditStoreTests {
  static func record(_ number: Int, at time: Int64) -> AuditRecord {
    AuditRecord(
      identifier: "\(number)",
      occurred: WallTime(milliseconds: time),
      user: "ann",
      role: "viewer",
      source: "::1",
      action: "PUT /v1/x",
      status: 403,
      reason: "no"
    )
  }

  @Test(arguments: StoreKind.allCases)
  func `the audit log ends by age alone, and nobody changes what it keeps`(
    _ kind: StoreKind
  ) async throws {
    let place = try StorePlace(kind)
    let store = try place.open()
    for number in 1...4 { try await store.append(Self.record(number, at: Int64(number) * 10)) }
    #expect(try await store.audit(from: nil, to: nil, limit: 2).map(\.identifier) == ["4", "3"])
    #expect(
      try await store.audit(
        from: WallTime(milliseconds: 20),
        to: WallTime(milliseconds: 30),
        limit: 9
      ) == [Self.record(3, at: 30), Self.record(2, at: 20)]
    )
    #expect(try await store.removeAudit(before: WallTime(milliseconds: 20)) == 1)
    for sql in [
      "UPDATE \"audit\" SET json = '{}'", "DELETE FROM \"audit\"",
      "UPDATE \"auditHorizon\" SET occurred = 0", "DELETE FROM \"auditHorizon\"",
    ] {
      await #expect(throws: StoreError.self) { try await store.write([SQLStatement(sql)]) }
    }
    #expect(try await store.removeAudit(before: WallTime(milliseconds: 15)) == 0)
    #expect(try await store.audit(from: nil, to: nil, limit: 9).count == 3)
  }
}
