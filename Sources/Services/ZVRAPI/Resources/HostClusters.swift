// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// Clusters of hosts: all hosts of a site are one, for clients that place VPGs on clusters alone.
enum HostClusters {
  /// The name of a site's cluster.
  static func identifier(of site: SiteIdentifier) -> String { "\(site).domain-c1" }

  /// Whether `name` is a site's cluster.
  static func isCluster(_ name: String, of site: SiteIdentifier) -> Bool {
    name.isSame(as: identifier(of: site))
  }

  /// The definition with a host for what the draft places on a cluster, or in a resource pool: the
  /// first one that is connected, as ``VPGCreation`` chooses it.
  ///
  /// A host that is named too is what counts. Pools are there at every host of a site.
  static func placed(
    _ definition: VPGDefinition,
    by draft: SettingsDraft,
    _ call: APICall
  ) async throws -> VPGDefinition {
    let wish = try draft.tree.object("Recovery").name("DefaultHostClusterIdentifier")
    let wishes = try draft.vms.map { try $0.object("Recovery").name("HostClusterIdentifier") }
    let wantsHost = wish != nil || definition.recovery.resourcePool != nil
    let vmsWantingHost = definition.vms.indices.filter { index in
      let vm = definition.vms[index]
      return wishes[index] != nil
        || vm.resourcePool != nil && !wantsHost && definition.recoveryHost(of: vm) == nil
    }
    guard wantsHost && definition.recovery.host == nil || !vmsWantingHost.isEmpty || wish != nil
    else { return definition }
    for name in ([wish] + wishes).compactMap(\.self) {
      guard isCluster(name, of: definition.recoverySite) else {
        throw APIError.invalid("the recovery site has no host cluster \(name)")
      }
    }
    let inventory = try await call.site.inventory(of: definition.recoverySite)
    guard let host = inventory.hosts.first(where: \.isConnected)?.identifier else {
      throw APIError.invalid("no host of the recovery site is connected")
    }
    var definition = definition
    if wantsHost { definition.recovery.host = definition.recovery.host ?? host }
    for index in vmsWantingHost {
      definition.vms[index].host = definition.vms[index].host ?? host
    }
    return definition
  }
}

extension APIValue {
  /// The cluster of all hosts of a site.
  static func hostCluster(of site: SiteIdentifier, _ name: String, _ hosts: [Inventory.Host])
    -> APIValue
  {
    .object(
      "HostClusterNativeApi",
      [
        "ClusterIdentifier": .string(HostClusters.identifier(of: site)),
        "VirtualizationClusterName": .string(name),
        "AssociatedHosts": .list(
          hosts.map { host in
            .object(
              "BaseHostNativeApi",
              [
                "HostIdentifier": .identifier(host.identifier),
                "HostVersion": .string(host.version),
                "VirtualizationHostName": .string(host.name),
                "ConnectionStatus": .string(host.isConnected ? "Connected" : "Disconnected"),
              ]
            )
          },
          element: "BaseHostNativeApi"
        ),
      ]
    )
  }
}
