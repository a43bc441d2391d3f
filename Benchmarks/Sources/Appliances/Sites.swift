// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Identity
import RecoveryModel

/// Two sites that trust each other.
struct Sites {
  static let protected = SiteIdentifier("11111111-0000-4000-8000-000000000001")
  static let recovery = SiteIdentifier("22222222-0000-4000-8000-000000000002")

  let trust = TrustStore()
  private var authorities: [SiteIdentifier: SiteAuthority] = [:]

  init(folder: String) throws {
    for site in [Self.protected, Self.recovery] {
      authorities[site] = try SiteAuthority.loadOrCreate(
        in: "\(folder)/authority-\(site)",
        site: site,
        name: "Site \(site)"
      )
    }
    try trust.set(certificates)
  }

  /// The authorities' certificates, in PEM.
  var certificates: [SiteIdentifier: String] { authorities.mapValues(\.certificatePEM) }

  func identity(of site: SiteIdentifier, role: PeerRole) throws -> TLSIdentity {
    guard let authority = authorities[site] else { throw BenchError("there is no site \(site)") }
    return try authority.issue(role: role, name: "bench", hosts: ["127.0.0.1"])
  }
}
