// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// Where the VMs that an appliance recovers could go instead: part of `/v1/vras`.
enum RecoveryVraChanges {
  private static let root = "vras/{vraIdentifier}/changerecoveryvra"

  static var routes: [Route] {
    [
      Route(.get, "\(root)/potentials", "Hosts whose appliance could take a VM over.") { call in
        let view = try await view(call)
        if let vm = call.query.text("vmIdentifier") { try view.check([vm]) }
        return .list(
          view.targets.map { target in
            .object(
              "VraPotentialHostApi",
              [
                "HostIdentifier": .identifier(target.host),
                "HostName": .string(target.hostName),
              ]
            )
          },
          of: "VraPotentialHostApi"
        )
      },
      Route(
        .post,
        "\(root)/recommendation",
        "The least busy host for each VM.",
        body: #"{"VmsToCalculate": [], "Constraints": {"FixedVmsAllocations": []}}"#
      ) { call in
        let view = try await view(call)
        let fixed = try allocations(
          call.body.object("Constraints"),
          "FixedVmsAllocations"
        )
        try view.check(fixed.map(\.vm))
        let wanted = try call.body.texts("VmsToCalculate")
        try view.check(wanted)
        return .value(
          view.recommendation(for: wanted.isEmpty ? view.vms : wanted, fixed: fixed)
        )
      },
      Route(
        .post,
        "\(root)/validate",
        "Whether VMs could go to the hosts named.",
        body: #"{"VmsAllocations": [{"VmIdentifier": "…", "HostIdentifier": "…"}]}"#
      ) { call in
        let view = try await view(call)
        return .value(view.validation(of: try allocations(call.body, "VmsAllocations")))
      },
      Route(
        .post,
        "\(root)/execute",
        "Would give VMs to other appliances; not available.",
        body: #"{"VmsAllocations": [{"VmIdentifier": "…", "HostIdentifier": "…"}]}"#
      ) { call in
        let view = try await view(call)
        for allocation in try allocations(call.body, "VmsAllocations") {
          if let obstacle = view.obstacle(to: allocation) { throw APIError.invalid(obstacle) }
        }
        throw APIError.notAvailable("changing a VM's recovery appliance")
      },
    ]
  }

  /// A VM and the host it is to go to.
  fileprivate typealias Allocation = (vm: String, host: String)

  private static func allocations(
    _ body: APIObject,
    _ name: String
  ) throws(APIError) -> [Allocation] {
    var found: [Allocation] = []
    for item in body[name]?.items ?? [] {
      guard let vm = try item.object?.text("VmIdentifier"),
        let host = try item.object?.text("HostIdentifier")
      else { throw .invalid("\(name) has an entry without VmIdentifier or HostIdentifier") }
      found.append((vm, host))
    }
    return found
  }

  private static func view(_ call: APICall) async throws -> Situation {
    let appliance = try await Vras.applianceInPath(call)
    let local = call.site.siteIdentifier
    let machines = try await call.site.protectedVMs { $0.recoverySite == local }.filter {
      ($0.vm.host ?? $0.vpg.definition.recovery.host) == appliance.host
    }
    return Situation(
      appliance: appliance,
      vms: machines.map(\.vm.identifier.rawValue),
      targets: try await call.site.appliances().filter {
        $0.isRunning && $0.identifier != appliance.identifier
      }
    )
  }

  /// The VMs an appliance recovers, and the appliances that could instead.
  private struct Situation {
    let appliance: ApplianceView
    let vms: [String]
    let targets: [ApplianceView]

    func check(_ names: [String]) throws(APIError) {
      for name in names where !vms.contains(name) {
        throw .notFound("the appliance \(appliance.identifier) recovers no VM \(name)")
      }
    }

    /// Why a VM cannot go to a host; nil if it could.
    func obstacle(to allocation: Allocation) -> String? {
      if !vms.contains(allocation.vm) {
        return "the appliance \(appliance.identifier) recovers no VM \(allocation.vm)"
      }
      if !targets.contains(where: { $0.host.rawValue == allocation.host }) {
        return "no other appliance runs on the host \(allocation.host)"
      }
      return nil
    }

    func validation(of allocations: [Allocation]) -> APIValue {
      .object(
        "VraChangeRecoveryHostValidationResultsApi",
        [
          "VmsValidationsResults": .list(
            allocations.map { allocation in
              let obstacle = obstacle(to: allocation)
              return .object(
                "VraChangeRecoveryHostVmValidationResultApi",
                [
                  "VmIdentifier": .string(allocation.vm),
                  "HostIdentifier": .string(allocation.host),
                  "Status": APIEnumerations.changeRecoveryHostStatus.value(obstacle == nil ? 0 : 1),
                  "Reason": .text(obstacle),
                ]
              )
            },
            element: "VraChangeRecoveryHostVmValidationResultApi"
          )
        ]
      )
    }

    /// Gives each VM to the appliance that recovers the fewest, those given before counted.
    func recommendation(for names: [String], fixed: [Allocation]) -> APIValue {
      var load = targets.map(\.recovery.vms)
      let recommendations = names.map { name -> APIValue in
        let index =
          fixed.first { $0.vm == name }
          .flatMap { allocation in targets.firstIndex { $0.host.rawValue == allocation.host } }
          ?? load.indices.min { load[$0] < load[$1] }
        if let index { load[index] += 1 }
        return .object(
          "VraChangeRecoveryHostVmRecommendationApi",
          [
            "VmIdentifier": .string(name),
            "HostIdentifier": .identifier(index.map { targets[$0].host }),
            "HostName": .text(index.map { targets[$0].hostName }),
            "Reason": .text(index == nil ? "no other appliance is running" : nil),
          ]
        )
      }
      return .object(
        "VraChangeRecoveryHostRecommendationResultApi",
        [
          "Recommendations": .list(
            recommendations,
            element: "VraChangeRecoveryHostVmRecommendationApi"
          )
        ]
      )
    }
  }
}
