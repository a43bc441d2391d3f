// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import RecoveryModel
import SwiftASN1
import Testing
import X509

@testable import Identity

@Suite struct ReportSignerTests {
  private let site = SiteIdentifier("6f1c1f1e-0000-4000-8000-00000000000a")

  private func signer(_ folder: String) throws -> (SiteAuthority, ReportSigner) {
    let authority = try SiteAuthority.loadOrCreate(in: folder, site: site, name: "London")
    return (authority, try ReportSigner.loadOrCreate(in: folder, authority: authority))
  }

  @Test func `a site signs with the same key after a restart`() async throws {
    try await withTemporaryFolder { folder in
      let before = try signer(folder).1
      let after = try signer(folder).1
      #expect(after.publicKeyPEM == before.publicKeyPEM)
      #expect(after.certificatePEM == before.certificatePEM)
      #expect(try after.sign([1, 2, 3]).count == 64)
    }
  }

  @Test func `the key is its owner's alone, and the authority certifies it`() async throws {
    try await withTemporaryFolder { folder in
      let (authority, signer) = try signer(folder)
      let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/reports.key")
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      let certificate = try Certificate(pemEncoded: signer.certificatePEM)
      let root = try Certificate(pemEncoded: authority.certificatePEM)
      #expect(root.publicKey.isValidSignature(certificate.signature, for: certificate))
    }
  }

  @Test func `a certificate that is missing or of another key is issued anew`() async throws {
    try await withTemporaryFolder { folder in
      let first = try signer(folder).1
      try FileManager.default.removeItem(atPath: folder + "/reports.key")
      let second = try signer(folder).1
      #expect(second.publicKeyPEM != first.publicKeyPEM)
      #expect(second.certificatePEM != first.certificatePEM)
      try FileManager.default.removeItem(atPath: folder + "/reports.pem")
      #expect(try signer(folder).1.publicKeyPEM == second.publicKeyPEM)
    }
  }

  @Test func `a file that holds no such key is never replaced`() async throws {
    try await withTemporaryFolder { folder in
      try "no key".write(toFile: folder + "/reports.key", atomically: true, encoding: .utf8)
      #expect(throws: IdentityError.malformed("\(folder)/reports.key holds no Ed25519 key")) {
        try signer(folder)
      }
    }
  }
}
