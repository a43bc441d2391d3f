// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// `/v1/virtualizationsites`: what there is at this site and at its peers.
enum VirtualizationSites: Resource {
  static let root = "virtualizationsites"
  static let interface = "IVirtualizationSitesService"

  private static let site = "virtualizationsites/{siteIdentifier}"

  static var routes: [Route] { things + foreign }

  private static var things: [Route] {
    [
      Route(.get, "virtualizationsites", "This site and the paired ones.") { call in
        .list(
          try await sites(call).map { .virtualizationSite($0.identifier, name: $0.name) },
          of: "VirtualizationSiteApi"
        )
      },
      Route(.get, site, "One site.") { call in
        let site = try await siteInPath(call)
        return .value(.virtualizationSite(site.identifier, name: site.name))
      },
      Route(.get, "\(site)/vms", "VMs of the site that no VPG protects.") { call in
        let inventory = try await inventory(call)
        let machines = try await call.site.unprotectedVMs(of: call.siteInPath)
        return .list(machines.map { .machine($0, in: inventory) }, of: "VmNativeApi")
      },
      Route(.get, "\(site)/datastores", "Places for disks.") { call in
        .list(
          try await inventory(call).datastores.map(APIValue.datastore),
          of: "DatastoreNativeApi"
        )
      },
      Route(.get, "\(site)/networks", "Networks.") { call in
        .list(try await inventory(call).networks.map(APIValue.network), of: "NetworkNativeApi")
      },
      Route(.get, "\(site)/folders", "Folders of VMs.") { call in
        .list(try await inventory(call).folders.map(APIValue.folder), of: "FolderNativeApi")
      },
      Route(.get, "\(site)/hosts", "Hypervisor hosts.") { call in
        let inventory = try await inventory(call)
        return .list(inventory.hosts.map { .host($0, in: inventory) }, of: "HostNativeApi")
      },
      Route(.get, "\(site)/hosts/{hostIdentifier}", "One host.") { call in
        let inventory = try await inventory(call)
        let name = call.parameter("hostIdentifier")
        guard let host = inventory.hosts.first(where: { $0.identifier.rawValue == name }) else {
          throw APIError.notFound("the site has no host \(name)")
        }
        return .value(.host(host, in: inventory))
      },
      Route(.get, "\(site)/hostclusters", "The cluster of all hosts of the site.") { call in
        let site = try await siteInPath(call)
        return .list(
          [.hostCluster(of: site.identifier, site.name, try await inventory(call).hosts)],
          of: "HostClusterNativeApi"
        )
      },
      Route(.get, "\(site)/resourcepools", "Resource pools: the root, and those in use.") { call in
        .list(
          try await inventory(call).resourcePools.map(APIValue.resourcePool),
          of: "ResourcePoolNativeApi"
        )
      },
      Route(.get, "\(site)/datastoreclusters", "Datastore clusters: there are none.") { call in
        try await nothing(call, of: "DatastoreClusterNativeApi")
      },
      Route(.get, "\(site)/repositories", "Repositories of this site.") { call in
        // Another site's manager answers for its own.
        let isOwn = try await siteInPath(call).identifier == call.site.siteIdentifier
        let repositories = isOwn ? try await call.site.repositories() : []
        return .list(
          repositories.map(APIValue.repositoryInfo),
          of: "BackupTargetInfoRepositoriesApi"
        )
      },
      Route(.get, "\(site)/devices", "Block devices of hosts that VMs have as disks.") { call in
        let query = call.query
        return .list(
          try await inventory(call).devices.filter { device in
            query.matches("hostIdentifier", device.machine.host.rawValue)
              && query.matches("deviceName", device.disk.path)
          }.map(APIValue.device),
          of: "DeviceDataApi"
        )
      },
    ]
  }

  /// What other kinds of sites have: Cloud Director's things and a public cloud's.
  private static var foreign: [Route] {
    [
      ("vapps", "VAppNativeApi"), ("vcdvapps", "VCDVappNativeApi"), ("orgvdcs", "OrgVdcNativeApi"),
      ("publiccloud/virtualNetworks", "VirtualNetworkApi"), ("publiccloud/subnets", "SubnetApi"),
      ("publiccloud/securityGroups", "SecurityGroupApi"),
      ("publiccloud/vmInstanceTypes", "VmInstanceTypeApi"),
      ("publiccloud/resourceGroups", "ResourceGroupApi"),
      ("publiccloud/diskencryptionkeys", "DiskEncryptionKeyApi"),
      ("publiccloud/encryptionkeys", "EncryptionKeyApi"),
      ("publiccloud/keyscontainers", "KeysContainerApi"),
      ("publiccloud/managedidentities", "ManagedIdentityApi"),
    ].map { path, element in
      Route(.get, "\(site)/\(path)", "Nothing: a libvirt site has none.") { call in
        try await nothing(call, of: element)
      }
    }
      + ["networks", "storagepolicies", "storageprofiles"].map { part in
        Route(
          .get,
          "\(site)/orgvdcs/{orgVdcIdentifier}/\(part)",
          "Of an organisation data centre: a libvirt site has none."
        ) { call in
          _ = try await siteInPath(call)
          let name = call.parameter("orgVdcIdentifier")
          throw APIError.notFound("the site has no organisation data centre \(name)")
        }
      }
      + [
        Route(.get, "\(site)/publiccloud/encryptionkeys/{encryptionKeyId}", "One key.") { call in
          _ = try await siteInPath(call)
          throw APIError.notFound("the site has no key \(call.parameter("encryptionKeyId"))")
        }
      ]
  }

  private static func sites(
    _ call: APICall
  ) async throws -> [(identifier: SiteIdentifier, name: String)] {
    let local = await call.site.localSite()
    let peers = try await call.site.peerSites()
    return [(local.identifier, local.name)] + peers.map { ($0.identifier, $0.name) }
  }

  private static func siteInPath(
    _ call: APICall
  ) async throws -> (identifier: SiteIdentifier, name: String) {
    guard let site = try await sites(call).first(where: { $0.identifier == call.siteInPath })
    else { throw APIError.notFound("there is no site \(call.siteInPath)") }
    return site
  }

  private static func inventory(_ call: APICall) async throws -> Inventory {
    _ = try await siteInPath(call)
    return try await call.site.inventory(of: call.siteInPath)
  }

  /// The list of a kind of thing that libvirt does not have.
  private static func nothing(_ call: APICall, of element: String) async throws -> APIResponse {
    _ = try await siteInPath(call)
    return .list([], of: element)
  }
}
