// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Identity
package import Store
package import ZVRAPI

/// Which user has which role.
///
/// Subjects are written as text: `os:alice`, `group:backup`, `manager:alice`, `libvirt:alice`,
/// `directory:alice`, `client:report`, and `os:*` for every other one of that kind. What
/// `understudy role` keeps in the store goes before the configuration, and that before
/// ``defaults``. An entry for the user goes before one of a group, of which the mightiest counts,
/// and that before the one for everybody.
package struct RoleBook: Sendable {
  /// Where a user is known.
  package enum Source: String, Sendable, CaseIterable {
    case operatingSystem = "os"
    case manager
    case libvirt
    case directory
    case client
  }

  /// Who is what if nobody says otherwise: root and the group `understudy` rule, as do users the
  /// manager was given itself; everybody else whom the site lets in may look.
  package static let defaults = [
    "os:root": "administrator", "group:understudy": "administrator",
    "manager:*": "administrator",
    "os:*": "viewer", "libvirt:*": "viewer", "directory:*": "viewer", "client:*": "viewer",
  ]
  /// In place of a role: may not log on.
  package static let none = "none"

  private let store: any Store
  private let configured: [String: String]

  /// `configured`: Roles by subject, as the configuration says.
  ///
  /// - Throws: ``ManagerConfigurationError`` for what is no subject or no role.
  package init(
    store: any Store,
    configured: [String: String]
  ) throws(ManagerConfigurationError) {
    for (subject, role) in configured {
      guard Self.isSubject(subject), Self.isRole(role) else {
        throw .notARole(subject: subject, role: role)
      }
    }
    self.store = store
    self.configured = configured
  }

  /// The role of a user; nil if they may not log on.
  package func role(of name: String, in source: Source) async throws(StoreError) -> Role? {
    var book = Self.defaults
    for (subject, role) in configured { book[Self.asKnown(subject)] = role }
    for record in try await store.roles() { book[Self.asKnown(record.subject)] = record.role }
    if let text = book[Self.subject(name, in: source)] { return Role(rawValue: text) }
    if source == .operatingSystem || source == .directory {
      let found = await OperatingSystemUsers.groups(of: name).compactMap { book["group:\($0)"] }
      // The roles are declared from the mightiest down.
      if !found.isEmpty { return Role.allCases.first { found.contains($0.rawValue) } }
    }
    return book["\(source.rawValue):*"].flatMap(Role.init(rawValue:))
  }

  /// The role of a user who logged on a while ago; nil if there is no such user any more.
  ///
  /// Users of libvirt and of a directory cannot be looked up, so they count as being there.
  package func currentRole(of subject: String) async throws(StoreError) -> Role? {
    let halves = subject.split(separator: ":", maxSplits: 1).map(String.init)
    guard halves.count == 2, let source = Source(rawValue: halves[0]) else { return nil }
    let isThere =
      switch source {
      case .operatingSystem: await !OperatingSystemUsers.groups(of: halves[1]).isEmpty
      case .manager: try await store.user(halves[1]) != nil
      case .client: try await store.clients().contains { $0.identifier == halves[1] }
      case .libvirt, .directory: true
      }
    return isThere ? try await role(of: halves[1], in: source) : nil
  }

  /// A user as this book writes them.
  package static func subject(_ name: String, in source: Source) -> String {
    asKnown("\(source.rawValue):\(name)")
  }

  /// A directory takes `Alice` for `alice`: what is said of one is said of the other.
  private static func asKnown(_ subject: String) -> String {
    subject.hasPrefix("\(Source.directory.rawValue):") ? subject.lowercased() : subject
  }

  /// Whether `text` can name someone.
  package static func isSubject(_ text: String) -> Bool {
    let halves = text.split(separator: ":", maxSplits: 1)
    return halves.count == 2
      && (halves[0] == "group" || Source(rawValue: String(halves[0])) != nil)
  }

  /// Whether `text` is a role, or none.
  package static func isRole(_ text: String) -> Bool {
    text == none || Role(rawValue: text) != nil
  }
}
