// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import CryptoExtras
internal import Foundation
internal import SwiftASN1
internal import X509

/// Signs the reports that a site hands out, so that whoever files one can show later that it is
/// the site's and unchanged: Ed25519 (RFC 8032) over the file's bytes.
///
/// The key is the site's own, beside that of its authority, and is certified by it.
package struct ReportSigner: Sendable {
  /// The public half, as `openssl pkeyutl -pubin` reads it.
  package let publicKeyPEM: String
  /// The same key, certified by the site's authority.
  package let certificatePEM: String

  private let key: Curve25519.Signing.PrivateKey

  private static let keyFile = "reports.key"
  private static let certificateFile = "reports.pem"

  /// Loads the key that the authority's folder holds, or makes one there; it is its owner's alone.
  ///
  /// The certificate follows from the key: one that is missing is issued.
  package static func loadOrCreate(
    in folder: String,
    authority: SiteAuthority
  ) throws(IdentityError) -> ReportSigner {
    let keyPath = "\(folder)/\(keyFile)"
    let certificatePath = "\(folder)/\(certificateFile)"
    let key: Curve25519.Signing.PrivateKey
    if let text = try PrivateFile.read(keyPath) {
      guard let read = try? Curve25519.Signing.PrivateKey(pemRepresentation: text) else {
        throw .malformed("\(keyPath) holds no Ed25519 key")
      }
      key = read
    } else {
      key = Curve25519.Signing.PrivateKey()
      try PrivateFile.makeFolder(folder)
      try PrivateFile.write(key.pemRepresentation, to: keyPath, mode: PrivateFile.secret)
    }
    if let known = try PrivateFile.read(certificatePath), certifies(known, key) {
      return ReportSigner(key: key, certificatePEM: known)
    }
    let certificate = try authority.certify(Certificate.PublicKey(key.publicKey), as: "reports")
    try PrivateFile.write(certificate, to: certificatePath, mode: PrivateFile.open)
    return ReportSigner(key: key, certificatePEM: certificate)
  }

  private init(key: Curve25519.Signing.PrivateKey, certificatePEM: String) {
    self.key = key
    self.certificatePEM = certificatePEM
    publicKeyPEM = key.publicKey.pemRepresentation + "\n"
  }

  private static func certifies(_ pem: String, _ key: Curve25519.Signing.PrivateKey) -> Bool {
    (try? Certificate(pemEncoded: pem))?.publicKey == Certificate.PublicKey(key.publicKey)
  }

  /// The signature of a file's bytes: 64 bytes, to be kept beside it.
  package func sign(_ bytes: [UInt8]) throws(IdentityError) -> [UInt8] {
    do { return Array(try key.signature(for: bytes)) } catch {
      throw .malformed("a report cannot be signed: \(error)")
    }
  }
}
