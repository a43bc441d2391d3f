// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Who may log on to a manager, and as what: the member `access` of its configuration.
///
/// What is left out is as each member says.
package struct AccessConfiguration: Codable, Sendable, Equatable {
  /// Roles by subject, as ``RoleBook`` writes them.
  package var roles: [String: String]?
  /// The database of libvirt's users; what `/etc/sasl2/libvirt.conf` says if left out.
  package var saslDatabase: String?
  /// PAM's rules for the users of a directory, a file in `/etc/pam.d`; no directory if left out.
  package var directoryPAMService: String?
  /// Whether resource reports need a session; they do not if left out.
  package var closesResourceReports: Bool?
  /// A folder with a certificate for the REST API, `cert.pem`, and its key, `key.pem`, that an
  /// operator supplies; if left out, the site's authority issues it.
  package var certificateFolder: String?
  /// How long the audit log keeps an entry; 400 days if left out.
  package var auditDays: Int?

  package init() {}
}
