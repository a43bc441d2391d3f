// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// The sets that a site keeps: part of `/v1/ltr`.
///
/// Every set is a full one: what it shares with others, the repository knows.
enum RetentionCatalogue {
  private static let vm = "ltr/catalog/vms/{vmIdentifier}/retentionsets"

  static var routes: [Route] {
    [
      Route(.get, "ltr/catalog/fullretentionsets", "The retention sets.") { call in
        let query = call.query
        let sets = try await call.site.retentionSets().filter { set in
          query.matches("repositoryIdentifier", set.repository.rawValue)
            && query.matches("vpgIdentifier", set.vpg.rawValue)
            && query.matches("zorgIdentifier", set.zorg ?? "")
        }
        return .value(try await list(sets, call))
      },
      Route(
        .get,
        "ltr/catalog/fullretentionsets/{retentionSetIdentifier}/incrementals",
        "Incremental sets of a full one: every set is full."
      ) { call in
        _ = try await found(call)
        return .value(try await list([], call))
      },
      Route(.get, "ltr/catalog/vms", "VMs with retention sets.", answer: vms),
      Route(.get, vm, "Retention sets of a VM.", answer: sets),
      Route(
        .get,
        "\(vm)/{retentionSetIdentifier}/settings",
        "Settings of a VM in a retention set."
      ) { call in
        let set = try await found(call)
        let name = call.parameter("vmIdentifier")
        guard let machine = set.machine(VMIdentifier(name)) else {
          throw APIError.notFound("the retention set has no VM \(name)")
        }
        return .value(.settings(of: machine, in: set))
      },
      Route(
        .get,
        "ltr/health/vpgs",
        "How the scheduled copies are of the VPGs that this site recovers.",
        answer: health
      ),
      Route(
        .post,
        "ltr/catalog/deleteretentionsets",
        "Deletes retention sets.",
        body: #"{"RetentionSetsToDelete": [{"FullRetentionSetIdentifier": "…"}]}"#,
        answer: delete
      ),
    ]
  }

  private static func list(_ sets: [RetentionSet], _ call: APICall) async throws -> APIValue {
    let repositories = try await call.site.repositories()
    let names = try await call.site.names()
    let now = await call.site.now()
    return .object(
      "RetentionSetsInfoApi",
      [
        "RetentionSets": .list(
          sets.map { set in
            .retentionSet(
              set,
              repositories.first { $0.identifier == set.repository },
              isVPGThere: names.vpgs[set.vpg] != nil,
              now: now
            )
          },
          element: "RetentionSetInfoApi"
        )
      ]
    )
  }

  private static func health(_ call: APICall) async throws -> APIResponse {
    let here = call.site.siteIdentifier
    let views = try await call.site.vpgs { vpg in
      vpg.recoverySite == here && vpg.retention?.isEnabled == true
    }
    let health = await call.site.retentionHealth()
    let repositories = try await call.site.repositories()
    let vpgs = views.compactMap { view -> APIValue? in
      guard let policy = view.definition.retention else { return nil }
      return .retentionHealth(
        view,
        policy,
        health[view.definition.identifier],
        repositories.first { $0.identifier == policy.repository }
      )
    }
    return .value(.object("VpgsLtrHealthApi", ["Vpgs": .list(vpgs, element: "VpgLtrHealthApi")]))
  }

  private static func found(_ call: APICall) async throws -> RetentionSet {
    let name = call.parameter("retentionSetIdentifier")
    let all = try await call.site.retentionSets()
    guard let found = all.first(where: { $0.identifier.rawValue.isSame(as: name) }) else {
      throw APIError.notFound("there is no retention set \(name)")
    }
    return found
  }

  /// Each VM once for each VPG, with its newest name.
  private static func vms(_ call: APICall) async throws -> APIResponse {
    var seen: Set<String> = []
    var vms: [APIValue] = []
    let there = Set(try await call.site.protectedVMs { _ in true }.map(\.vm.identifier))
    for set in try await call.site.retentionSets() {
      for machine in set.machines where seen.insert("\(set.vpg) \(machine.vm)").inserted {
        vms.append(
          .object(
            "RecoverableVmApi",
            [
              "Vm": .named(machine.name, machine.vm.rawValue),
              "Vpg": .named(set.vpgName, set.vpg.rawValue),
              "IsSearchable": .bool(false),
              "IsVmExist": .bool(there.contains(machine.vm)),
            ]
          )
        )
      }
    }
    return .value(.object("RecoverableVmsApi", ["Vms": .list(vms, element: "RecoverableVmApi")]))
  }

  private static func sets(_ call: APICall) async throws -> APIResponse {
    let name = call.parameter("vmIdentifier")
    let vm = VMIdentifier(name)
    let sets = try await call.site.retentionSets().filter { $0.machine(vm) != nil }
    if sets.isEmpty, try await call.site.protectedVMs(vm).isEmpty {
      throw APIError.notFound("no VPG and no retention set has the VM \(name)")
    }
    return .value(
      .object(
        "RetentionSetsApi",
        [
          "RetentionSets": .list(
            sets.map { set in
              .object(
                "RetentionSetApi",
                [
                  "RepositoryIdentifier": .identifier(set.repository),
                  "RetentionSetIdentifier": .identifier(set.identifier),
                  "TimeStamp": .string(APIDate.text(of: set.checkpoint.time)),
                  "IsApplicationAware": .bool(false),
                  "ZorgIdentifier": .text(set.zorg),
                  "NumberOfVolumes": .integer(set.machine(vm)?.disks.count ?? 0),
                  "RepositorySiteIdentifier": .identifier(call.site.siteIdentifier),
                  "Tier": APIEnumerations.retentionTier.value(0),
                ]
              )
            },
            element: "RetentionSetApi"
          ),
          "LtrVmIdentifier": .string(name),
        ]
      )
    )
  }

  private static func delete(_ call: APICall) async throws -> APIResponse {
    var sets: [RetentionSetIdentifier] = []
    for item in call.body["RetentionSetsToDelete"]?.items ?? [] {
      guard let set = try item.object?.text("FullRetentionSetIdentifier"), !set.isEmpty else {
        throw APIError.invalid("RetentionSetsToDelete has an entry without an identifier")
      }
      sets.append(RetentionSetIdentifier(set.lowercased()))
    }
    guard !sets.isEmpty else { throw APIError.invalid("RetentionSetsToDelete is missing") }
    try await call.site.deleteRetentionSets(sets, user: call.user)
    return .empty
  }
}
