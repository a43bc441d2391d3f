// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Identity
import RecoveryModel

/// A site's authority in a temporary folder.
struct TestSite {
  let identifier: SiteIdentifier
  let authority: SiteAuthority

  init(_ name: String, in folder: String) throws {
    identifier = SiteIdentifier(name)
    authority = try SiteAuthority.loadOrCreate(
      in: "\(folder)/\(UUID().uuidString)",
      site: identifier,
      name: name
    )
  }

  func identity(_ role: PeerRole) throws -> TLSIdentity {
    try authority.issue(role: role, name: "test", hosts: ["127.0.0.1"])
  }

  /// A trust store that trusts these sites.
  static func trust(_ sites: TestSite...) throws -> TrustStore {
    let trust = TrustStore()
    try trust.set(
      Dictionary(uniqueKeysWithValues: sites.map { ($0.identifier, $0.authority.certificatePEM) })
    )
    return trust
  }

  /// Runs `body` with a folder for sites, which is gone afterwards.
  static func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("understudy-control-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder.path)
  }
}
