// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Where events go beside the store: an item of the list `forwarding` of a manager's
/// configuration.
package struct ForwardingTarget: Codable, Sendable, Equatable {
  /// `udp://HOST:PORT`, `tcp://HOST:PORT` or `tls://HOST:PORT` for syslog, `https://…` for a
  /// webhook.
  package var url: String
  /// A file with the authorities whose certificates the target may have, in PEM; the system's if
  /// left out.
  package var authorityFile: String?
  /// A file with the secret that signs what a webhook gets; its first line counts.
  package var secretFile: String?

  package init(url: String, authorityFile: String? = nil, secretFile: String? = nil) {
    self.url = url
    self.authorityFile = authorityFile
    self.secretFile = secretFile
  }

  /// What logs call it: the path of a webhook's address is often a secret.
  var name: String {
    guard let parsed = URL(string: url), let scheme = parsed.scheme, let host = parsed.host() else {
      return "?"
    }
    return "\(scheme)://\(host)" + (parsed.port.map { ":\($0)" } ?? "")
  }

  /// What the address means.
  enum Kind: Equatable {
    case syslog(SyslogTransport, host: String, port: Int)
    case webhook(String)
  }

  /// - Throws: ``ManagerConfigurationError/notATarget(_:)`` for an address that is none.
  func kind() throws(ManagerConfigurationError) -> Kind {
    guard let parsed = URL(string: url), let host = parsed.host(), !host.isEmpty else {
      throw .notATarget(url)
    }
    let bare = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
    switch parsed.scheme {
    case "udp": return .syslog(.udp, host: bare, port: parsed.port ?? 514)
    case "tcp": return .syslog(.tcp, host: bare, port: parsed.port ?? 601)
    case "tls": return .syslog(.tls, host: bare, port: parsed.port ?? 6514)
    case "https" where secretFile != nil: return .webhook(url)
    default: throw .notATarget(url)
    }
  }
}

/// How syslog messages travel: RFC 5426, RFC 6587 with octet counting, RFC 5425.
enum SyslogTransport: Sendable, Equatable {
  case udp
  case tcp
  case tls
}
