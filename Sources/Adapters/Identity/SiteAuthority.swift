// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
package import Foundation
package import RecoveryModel
internal import SwiftASN1
internal import X509

/// A site's own certificate authority.
///
/// Peers trust the site by its certificate; it issues the
/// certificates of the site's manager and appliances.
package struct SiteAuthority: Sendable {
  package let site: SiteIdentifier
  /// What peers are given to trust this site.
  package let certificatePEM: String

  private let certificate: Certificate
  private let key: Certificate.PrivateKey

  private static let certificateFile = "authority.pem"
  private static let keyFile = "authority.key"
  private static let day: TimeInterval = 86_400
  static let validity: TimeInterval = 3650 * day
  /// How long an issued certificate is valid, in seconds.
  package static let leafValidity: TimeInterval = 730 * day

  /// Loads the authority that a folder holds, or makes one there; the key is its owner's alone.
  ///
  /// A crash between writing key and certificate leaves the key, for which a certificate is made
  /// next time. A certificate without its key is never replaced: peers trust it.
  package static func loadOrCreate(
    in folder: String,
    site: SiteIdentifier,
    name: String
  ) throws(IdentityError) -> SiteAuthority {
    let certificatePath = "\(folder)/\(certificateFile)"
    let keyPath = "\(folder)/\(keyFile)"
    let certificateText = try PrivateFile.read(certificatePath)
    let keyText = try PrivateFile.read(keyPath)

    if let certificateText {
      guard let keyText else { throw .keyMissing(path: keyPath) }
      return try SiteAuthority(
        site: site,
        certificatePEM: certificateText,
        keyPEM: keyText,
        folder: folder
      )
    }
    let key: P256.Signing.PrivateKey
    if let keyText {
      key = try Self.parseKey(keyText, path: keyPath)
    } else {
      key = P256.Signing.PrivateKey()
      try PrivateFile.makeFolder(folder)
      try PrivateFile.write(key.pemRepresentation, to: keyPath, mode: PrivateFile.secret)
    }
    let authority = try SiteAuthority(site: site, name: name, key: key)
    try PrivateFile.write(authority.certificatePEM, to: certificatePath, mode: PrivateFile.open)
    return authority
  }

  /// Issues a certificate for a process of this site, with a new key.
  ///
  /// `hosts` are the host names and IP addresses at which the process is reached. The certificate
  /// is valid from the day before `now` until ``leafValidity`` after it.
  package func issue(
    role: PeerRole,
    name: String,
    hosts: [String],
    now: Date = Date()
  ) throws(IdentityError) -> TLSIdentity {
    let peer = PeerIdentity(site: site, role: role, name: name)
    let key = P256.Signing.PrivateKey()
    let publicKey = Certificate.PublicKey(key.publicKey)
    let names = [.uniformResourceIdentifier(peer.uri)] + hosts.map(Self.generalName)
    do {
      let leaf = try Certificate(
        version: .v3,
        serialNumber: Certificate.SerialNumber(),
        publicKey: publicKey,
        notValidBefore: now - Self.day,
        notValidAfter: now + Self.leafValidity,
        issuer: certificate.subject,
        subject: try DistinguishedName {
          CommonName("\(role.rawValue) \(name)")
          OrganizationName("Understudy")
        },
        extensions: try Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
          try ExtendedKeyUsage([.serverAuth, .clientAuth])
          SubjectKeyIdentifier(hash: publicKey)
          SubjectAlternativeNames(names)
        },
        issuerPrivateKey: self.key
      )
      return TLSIdentity(
        certificateChainPEM: try leaf.serializeAsPEM().pemString + "\n" + certificatePEM,
        privateKeyPEM: key.pemRepresentation
      )
    } catch {
      throw .malformed("no certificate can be issued for \(peer): \(error)")
    }
  }

  /// The authority's key, which never leaves this process.
  func keyPEM() throws(IdentityError) -> String {
    do { return try key.serializeAsPEM().pemString } catch {
      throw .malformed("the authority's key cannot be written: \(error)")
    }
  }

  /// Says of a public key, in PEM, that it is this site's, for signatures and for no connection.
  func certify(
    _ publicKey: Certificate.PublicKey,
    as purpose: String
  ) throws(IdentityError) -> String {
    let now = Date()
    do {
      let certificate = try Certificate(
        version: .v3,
        serialNumber: Certificate.SerialNumber(),
        publicKey: publicKey,
        notValidBefore: now - Self.day,
        notValidAfter: self.certificate.notValidAfter,
        issuer: self.certificate.subject,
        subject: try DistinguishedName {
          CommonName(purpose)
          OrganizationName("Understudy")
          OrganizationalUnitName("site \(site)")
        },
        extensions: try Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true, nonRepudiation: true))
          SubjectKeyIdentifier(hash: publicKey)
        },
        issuerPrivateKey: key
      )
      return try certificate.serializeAsPEM().pemString + "\n"
    } catch {
      throw .malformed("the key for \(purpose) cannot be certified: \(error)")
    }
  }
}

extension SiteAuthority {
  /// Reads an existing authority and checks that its halves belong together and to the site.
  private init(
    site: SiteIdentifier,
    certificatePEM: String,
    keyPEM: String,
    folder: String
  ) throws(IdentityError) {
    certificate = try AuthorityCertificate.parse(certificatePEM, of: site)
    key = Certificate.PrivateKey(try Self.parseKey(keyPEM, path: "\(folder)/\(Self.keyFile)"))
    guard certificate.publicKey == key.publicKey else { throw .keyMismatch(path: folder) }
    self.site = site
    self.certificatePEM = certificatePEM
  }

  /// Makes the authority's own certificate.
  private init(
    site: SiteIdentifier,
    name: String,
    key: P256.Signing.PrivateKey
  ) throws(IdentityError) {
    self.site = site
    self.key = Certificate.PrivateKey(key)
    let now = Date()
    do {
      // Unique for each key: a verifier finds an issuer by its name.
      let subject = try DistinguishedName {
        CommonName(name)
        OrganizationName("Understudy")
        OrganizationalUnitName("site \(site)")
      }
      let publicKey = self.key.publicKey
      certificate = try Certificate(
        version: .v3,
        serialNumber: Certificate.SerialNumber(),
        publicKey: publicKey,
        notValidBefore: now - Self.day,
        notValidAfter: now + Self.validity,
        issuer: subject,
        subject: subject,
        extensions: try Certificate.Extensions {
          Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
          Critical(KeyUsage(keyCertSign: true, cRLSign: true))
          SubjectKeyIdentifier(hash: publicKey)
          SubjectAlternativeNames([.uniformResourceIdentifier(PeerIdentity.uri(of: site))])
        },
        issuerPrivateKey: self.key
      )
      certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
    } catch {
      throw .malformed("no authority can be made for site \(site): \(error)")
    }
  }

  private static func parseKey(
    _ text: String,
    path: String
  ) throws(IdentityError) -> P256.Signing.PrivateKey {
    do {
      return try P256.Signing.PrivateKey(pemRepresentation: text)
    } catch {
      throw .malformed("\(path) holds no P-256 key")
    }
  }

  /// An IP address as such, anything else as a DNS name.
  private static func generalName(_ host: String) -> GeneralName {
    if let address = NetworkAddress.bytes(of: host) {
      return .ipAddress(ASN1OctetString(contentBytes: address[...]))
    }
    return .dnsName(host)
  }
}
