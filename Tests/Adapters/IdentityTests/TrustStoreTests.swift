// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import NIOSSL
import RecoveryModel
import SwiftASN1
import Testing
import X509

@testable import Identity

@Suite struct TrustStoreTests {
  private let london = SiteIdentifier("london")
  private let paris = SiteIdentifier("paris")

  @Test func `who was issued a certificate is recognised`() async throws {
    try await withTemporaryFolder { folder in
      let authority = try SiteAuthority.loadOrCreate(in: folder, site: london, name: "London")
      let trust = TrustStore()
      try trust.set([london: authority.certificatePEM])
      let chain = try chain(
        of: authority.issue(role: .appliance, name: "vra 1/ä", hosts: ["10.0.0.1"])
      )
      let expected = PeerIdentity(site: london, role: .appliance, name: "vra 1/ä")
      #expect(await trust.verify(chain) == expected)
      // Once more, now remembered.
      #expect(await trust.verify(chain) == expected)
    }
  }

  @Test func `an authority of the same site and name but another key vouches for nobody`()
    async throws
  {
    try await withTemporaryFolder { folder in
      let real = try SiteAuthority.loadOrCreate(in: folder + "/real", site: london, name: "London")
      let fake = try SiteAuthority.loadOrCreate(in: folder + "/fake", site: london, name: "London")
      let trust = TrustStore()
      try trust.set([london: real.certificatePEM])
      let forged = try chain(of: fake.issue(role: .manager, name: "zvm", hosts: []))
      #expect(await trust.verify(forged) == nil)
    }
  }

  @Test func `a trusted site cannot vouch for another site's manager`() async throws {
    try await withTemporaryFolder { folder in
      let authorities = try [london, paris].map { site in
        try SiteAuthority.loadOrCreate(in: "\(folder)/\(site)", site: site, name: "\(site)")
      }
      let trust = TrustStore()
      try trust.set([london: authorities[0].certificatePEM, paris: authorities[1].certificatePEM])
      let key = try String(contentsOfFile: "\(folder)/paris/authority.key", encoding: .utf8)

      let honest = try leaf(
        naming: ["understudy://paris/manager/zvm"],
        issuer: authorities[1].certificatePEM,
        key: key
      )
      #expect(await trust.verify(leafDER: honest)?.site == paris)
      let forged = try leaf(
        naming: ["understudy://london/manager/zvm"],
        issuer: authorities[1].certificatePEM,
        key: key
      )
      #expect(await trust.verify(leafDER: forged) == nil)
      let ambiguous = try leaf(
        naming: ["understudy://paris/manager/zvm", "understudy://london/manager/zvm"],
        issuer: authorities[1].certificatePEM,
        key: key
      )
      #expect(await trust.verify(leafDER: ambiguous) == nil)
    }
  }

  @Test(arguments: [-3 * SiteAuthority.leafValidity, 3 * SiteAuthority.leafValidity])
  func `a certificate out of its time is worth nothing`(secondsFromNow: TimeInterval) async throws {
    try await withTemporaryFolder { folder in
      let authority = try SiteAuthority.loadOrCreate(in: folder, site: london, name: "London")
      let trust = TrustStore()
      try trust.set([london: authority.certificatePEM])
      let identity = try authority.issue(
        role: .manager,
        name: "zvm",
        hosts: [],
        now: Date() + secondsFromNow
      )
      #expect(await trust.verify(try chain(of: identity)) == nil)
    }
  }

  @Test func `trust that is withdrawn ends at once, and comes back`() async throws {
    try await withTemporaryFolder { folder in
      let authority = try SiteAuthority.loadOrCreate(in: folder, site: london, name: "London")
      let trust = TrustStore()
      let chain = try chain(of: authority.issue(role: .manager, name: "zvm", hosts: []))
      #expect(await trust.verify(chain) == nil)
      try trust.set([london: authority.certificatePEM])
      #expect(await trust.verify(chain) != nil)
      try trust.set([:])
      #expect(await trust.verify(chain) == nil)
      #expect(trust.authorityPEM(of: london) == nil)
      try trust.set([london: authority.certificatePEM])
      #expect(await trust.verify(chain) != nil)
    }
  }

  @Test func `the authority itself is no peer`() async throws {
    try await withTemporaryFolder { folder in
      let authority = try SiteAuthority.loadOrCreate(in: folder, site: london, name: "London")
      let trust = TrustStore()
      try trust.set([london: authority.certificatePEM])
      let itself = try NIOSSLCertificate.fromPEMBytes(Array(authority.certificatePEM.utf8))
      #expect(await trust.verify(itself) == nil)
    }
  }

  @Test func `an authority is not trusted as another site's`() async throws {
    try await withTemporaryFolder { folder in
      let authority = try SiteAuthority.loadOrCreate(in: folder, site: london, name: "London")
      let trust = TrustStore()
      try trust.set([london: authority.certificatePEM])
      #expect(throws: IdentityError.otherAuthority(expected: paris)) {
        try trust.set([paris: authority.certificatePEM])
      }
      #expect(trust.authorityPEM(of: london) == authority.certificatePEM)
    }
  }

  private func chain(of identity: TLSIdentity) throws -> [NIOSSLCertificate] {
    try NIOSSLCertificate.fromPEMBytes(Array(identity.certificateChainPEM.utf8))
  }

  /// A leaf with any names, as the holder of an authority's key could make it.
  private func leaf(naming uris: [String], issuer: String, key: String) throws -> [UInt8] {
    let issuer = try Certificate(pemEncoded: issuer)
    let certificate = try Certificate(
      version: .v3,
      serialNumber: Certificate.SerialNumber(),
      publicKey: Certificate.PublicKey(P256.Signing.PrivateKey().publicKey),
      notValidBefore: Date() - 60,
      notValidAfter: Date() + 3600,
      issuer: issuer.subject,
      subject: try DistinguishedName { CommonName("forged") },
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        SubjectAlternativeNames(uris.map { .uniformResourceIdentifier($0) })
      },
      issuerPrivateKey: Certificate.PrivateKey(
        try P256.Signing.PrivateKey(pemRepresentation: key)
      )
    )
    var serializer = DER.Serializer()
    try serializer.serialize(certificate)
    return serializer.serializedBytes
  }
}
