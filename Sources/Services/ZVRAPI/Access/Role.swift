// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a user is to the site.
package enum Role: String, Sendable, CaseIterable, Codable {
  case administrator
  case vpgOperator = "vpg-operator"
  case tester
  case viewer

  /// The whole of it: who may do what.
  ///
  /// `docs/operating/access.md` shows the same table; a test compares them.
  package static let table: [(permission: Permission, roles: Set<Role>)] = [
    (.view, [.administrator, .vpgOperator, .tester, .viewer]),
    (.test, [.administrator, .vpgOperator, .tester]),
    (.recover, [.administrator, .vpgOperator]),
    (.protect, [.administrator, .vpgOperator]),
    (.acknowledge, [.administrator, .vpgOperator, .tester]),
    (.administer, [.administrator]),
    (.audit, [.administrator]),
  ]

  package func may(_ permission: Permission) -> Bool {
    Self.table.contains { $0.permission == permission && $0.roles.contains(self) }
  }
}
