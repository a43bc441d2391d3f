// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import Testing

@testable import Identity

@Suite struct SiteAuthorityTests {
  private let site = SiteIdentifier("6f1c1f1e-0000-4000-8000-00000000000a")

  @Test func `an authority that was made is loaded again`() async throws {
    try await withTemporaryFolder { folder in
      let made = try SiteAuthority.loadOrCreate(in: folder, site: site, name: "London")
      let loaded = try SiteAuthority.loadOrCreate(in: folder, site: site, name: "London")
      #expect(loaded.certificatePEM == made.certificatePEM)
    }
  }

  @Test func `keys are readable by their owner alone`() async throws {
    try await withTemporaryFolder { folder in
      let authority = try SiteAuthority.loadOrCreate(
        in: folder + "/authority",
        site: site,
        name: "London"
      )
      try authority.issue(role: .manager, name: "zvm", hosts: []).save(in: folder + "/leaf")
      for path in ["/authority/authority.key", "/leaf/key.pem"] {
        let attributes = try FileManager.default.attributesOfItem(atPath: folder + path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
      }
    }
  }

  @Test func `an authority without its key is not replaced`() async throws {
    try await withTemporaryFolder { folder in
      let made = try SiteAuthority.loadOrCreate(in: folder, site: site, name: "London")
      try FileManager.default.removeItem(atPath: folder + "/authority.key")
      #expect(throws: IdentityError.keyMissing(path: folder + "/authority.key")) {
        try SiteAuthority.loadOrCreate(in: folder, site: site, name: "London")
      }
      let kept = try String(contentsOfFile: folder + "/authority.pem", encoding: .utf8)
      #expect(kept == made.certificatePEM)
    }
  }

  @Test func `a key without its certificate gets a new one`() async throws {
    try await withTemporaryFolder { folder in
      _ = try SiteAuthority.loadOrCreate(in: folder, site: site, name: "London")
      let key = try String(contentsOfFile: folder + "/authority.key", encoding: .utf8)
      try FileManager.default.removeItem(atPath: folder + "/authority.pem")
      _ = try SiteAuthority.loadOrCreate(in: folder, site: site, name: "London")
      #expect(try String(contentsOfFile: folder + "/authority.key", encoding: .utf8) == key)
    }
  }

  @Test func `another site's folder is refused`() async throws {
    try await withTemporaryFolder { folder in
      _ = try SiteAuthority.loadOrCreate(in: folder, site: site, name: "London")
      let other = SiteIdentifier("other")
      #expect(throws: IdentityError.otherAuthority(expected: other)) {
        try SiteAuthority.loadOrCreate(in: folder, site: other, name: "Paris")
      }
    }
  }

  @Test func `a key of another authority is noticed`() async throws {
    try await withTemporaryFolder { folder in
      for name in ["a", "b"] {
        _ = try SiteAuthority.loadOrCreate(in: "\(folder)/\(name)", site: site, name: name)
      }
      try FileManager.default.removeItem(atPath: "\(folder)/a/authority.key")
      try FileManager.default.copyItem(
        atPath: "\(folder)/b/authority.key",
        toPath: "\(folder)/a/authority.key"
      )
      #expect(throws: IdentityError.keyMismatch(path: "\(folder)/a")) {
        try SiteAuthority.loadOrCreate(in: "\(folder)/a", site: site, name: "a")
      }
    }
  }

  @Test func `a saved identity is loaded as it was`() async throws {
    try await withTemporaryFolder { folder in
      let authority = try SiteAuthority.loadOrCreate(in: folder, site: site, name: "London")
      let identity = try authority.issue(role: .appliance, name: "vra-1", hosts: ["::1", "host"])
      try identity.save(in: folder + "/leaf")
      #expect(try TLSIdentity(loading: folder + "/leaf") == identity)
    }
  }
}
