// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import GRDB
package import Store

/// Who may do what.
extension SQLiteStore {
  package func roles() async throws(StoreError) -> [RoleRecord] {
    try await records("SELECT json FROM role ORDER BY subject")
  }

  package func save(_ role: RoleRecord) async throws(StoreError) {
    try await put(
      role,
      "INSERT OR REPLACE INTO role (json, subject) VALUES (?, ?)",
      [role.subject]
    )
  }

  package func removeRole(of subject: String) async throws(StoreError) {
    try await write("DELETE FROM role WHERE subject = ?", [subject])
  }
}
