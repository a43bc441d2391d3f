// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import Logging
package import Store

/// The implementations the executable was built with.
///
/// Commands know their protocols alone.
package struct Composition: Sendable {
  /// - Parameters:
  ///   - uris: Those of the site's hosts, at least one.
  ///   - group: What identifiers of VMs begin with; nil if there is one host.
  ///   - allowsKVM: Whether recovered VMs may use KVM.
  package typealias MakeHypervisor =
    @Sendable (_ uris: [String], _ group: String?, _ allowsKVM: Bool, Logger) -> any Hypervisor

  /// The hypervisor of the hosts at some URIs.
  let hypervisor: MakeHypervisor
  /// The store in a file.
  let sqliteStore: @Sendable (_ path: String) throws -> any SQLStore
  /// The store in the database of a URL.
  let postgresStore: @Sendable (_ url: String) throws -> any SQLStore

  package init(
    hypervisor: @escaping MakeHypervisor,
    sqliteStore: @escaping @Sendable (_ path: String) throws -> any SQLStore,
    postgresStore: @escaping @Sendable (_ url: String) throws -> any SQLStore
  ) {
    self.hypervisor = hypervisor
    self.sqliteStore = sqliteStore
    self.postgresStore = postgresStore
  }

  @TaskLocal package static var current: Composition?

  /// The executable's composition.
  ///
  /// It is set before any command runs.
  static var required: Composition {
    guard let current else { preconditionFailure("no composition: the executable sets one") }
    return current
  }
}
