// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOSSL

/// A certificate and its key, by which a process shows who it is.
package struct TLSIdentity: Sendable, Equatable {
  /// The leaf first, then its authority.
  package let certificateChainPEM: String
  package let privateKeyPEM: String

  package init(certificateChainPEM: String, privateKeyPEM: String) {
    self.certificateChainPEM = certificateChainPEM
    self.privateKeyPEM = privateKeyPEM
  }

  /// Reads `cert.pem` and `key.pem` of a folder.
  package init(loading folder: String) throws(IdentityError) {
    func text(_ name: String) throws(IdentityError) -> String {
      let path = "\(folder)/\(name)"
      guard let text = try PrivateFile.read(path) else {
        throw .storage(path: path, reason: "no such file")
      }
      return text
    }
    self.init(
      certificateChainPEM: try text(Self.certificateFile),
      privateKeyPEM: try text(Self.keyFile)
    )
  }

  /// Writes `cert.pem` and, for its owner alone, `key.pem` into a folder, which is made if
  /// missing.
  package func save(in folder: String) throws(IdentityError) {
    try PrivateFile.makeFolder(folder)
    try PrivateFile.write(privateKeyPEM, to: "\(folder)/\(Self.keyFile)", mode: PrivateFile.secret)
    try PrivateFile.write(
      certificateChainPEM,
      to: "\(folder)/\(Self.certificateFile)",
      mode: PrivateFile.open
    )
  }

  func certificateSources() throws(IdentityError) -> [NIOSSLCertificateSource] {
    do {
      return try NIOSSLCertificate.fromPEMBytes(Array(certificateChainPEM.utf8))
        .map { .certificate($0) }
    } catch {
      throw .malformed("the certificate chain cannot be read: \(error)")
    }
  }

  func keySource() throws(IdentityError) -> NIOSSLPrivateKeySource {
    do {
      return .privateKey(try NIOSSLPrivateKey(bytes: Array(privateKeyPEM.utf8), format: .pem))
    } catch {
      throw .malformed("the private key cannot be read: \(error)")
    }
  }

  private static let certificateFile = "cert.pem"
  private static let keyFile = "key.pem"
}
