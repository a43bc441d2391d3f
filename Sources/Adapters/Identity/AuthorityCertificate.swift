// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import SwiftASN1
internal import X509

/// Reading the certificate of a site's authority.
enum AuthorityCertificate {
  /// Parses the first certificate of `pem` and checks that it says it is this site's authority.
  static func parse(_ pem: String, of site: SiteIdentifier) throws(IdentityError) -> Certificate {
    let certificate: Certificate
    do {
      certificate = try Certificate(pemEncoded: pem)
    } catch {
      throw .malformed("the authority of site \(site) is no PEM certificate")
    }
    guard uris(of: certificate) == [PeerIdentity.uri(of: site)] else {
      throw .otherAuthority(expected: site)
    }
    return certificate
  }

  /// The URIs among a certificate's subject alternative names; none if they cannot be read.
  static func uris(of certificate: Certificate) -> [String] {
    guard let names = try? certificate.extensions.subjectAlternativeNames else { return [] }
    return names.compactMap { name in
      if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
    }
  }
}
