// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Who may do what.
extension SQLStore {
  package func user(_ name: String) async throws(StoreError) -> UserRecord? {
    try await record("SELECT json FROM \"user\" WHERE name = ?", [name])
  }

  package func save(_ user: UserRecord) async throws(StoreError) {
    try await put(user, in: "user", [("name", user.name)])
  }

  package func removeUser(_ name: String) async throws(StoreError) {
    try await execute("DELETE FROM \"user\" WHERE name = ?", [name])
  }

  package func roles() async throws(StoreError) -> [RoleRecord] {
    try await records("SELECT json FROM \"role\" ORDER BY subject")
  }

  package func save(_ role: RoleRecord) async throws(StoreError) {
    try await put(role, in: "role", [("subject", role.subject)])
  }

  package func removeRole(of subject: String) async throws(StoreError) {
    try await execute("DELETE FROM \"role\" WHERE subject = ?", [subject])
  }

  package func clients() async throws(StoreError) -> [ClientRecord] {
    try await records("SELECT json FROM \"client\" ORDER BY identifier")
  }

  package func save(_ client: ClientRecord) async throws(StoreError) {
    try await put(client, in: "client", [("identifier", client.identifier)])
  }

  package func removeClient(_ identifier: String) async throws(StoreError) {
    try await execute("DELETE FROM \"client\" WHERE identifier = ?", [identifier])
  }

  package func tokenState() async throws(StoreError) -> TokenStateRecord? {
    try await setting("tokens")
  }

  package func save(_ state: TokenStateRecord) async throws(StoreError) {
    try await putSetting(state, "tokens")
  }

  package func loginBanner() async throws(StoreError) -> LoginBannerRecord? {
    try await setting("loginBanner")
  }

  package func save(_ banner: LoginBannerRecord) async throws(StoreError) {
    try await putSetting(banner, "loginBanner")
  }
}
