// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import Orchestration
internal import RecoveryModel

/// Other hosts for the VMs that an appliance recovers: part of `/v1/vras`.
enum RecoveryVraChanges {
  private static let root = "vras/{vraIdentifier}/changerecoveryvra"
  private static let allocationExample =
    #"{"VmsAllocations": [{"VmIdentifier": "…", "HostIdentifier": "…"}]}"#

  static var routes: [Route] {
    [
      Route(.get, "\(root)/potentials", "Hosts whose appliance could take a VM over.") { call in
        let choice = try await choice(call)
        let vm = call.query.text("vmIdentifier").map { VMIdentifier($0) }
        if let vm { try choice.check([vm]) }
        let targets = choice.targets.filter { target in
          vm.map { choice.obstacle(of: $0, to: target.host) == nil } ?? true
        }
        return .list(
          targets.map { target in
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
        "The least busy host that can take it, for each VM.",
        body: #"{"VmsToCalculate": [], "Constraints": {"FixedVmsAllocations": []}}"#
      ) { call in
        let choice = try await choice(call)
        let fixed = try allocations(
          call.body.object("Constraints"),
          "FixedVmsAllocations"
        )
        let wanted = try call.body.texts("VmsToCalculate").map { VMIdentifier($0) }
        try choice.check(fixed.map(\.vm) + wanted)
        return .value(
          choice.recommendation(for: wanted.isEmpty ? choice.machines.map(\.vm) : wanted, fixed)
        )
      },
      Route(
        .post,
        "\(root)/validate",
        "Whether VMs could go to the hosts named.",
        body: allocationExample
      ) { call in
        let choice = try await choice(call)
        return .value(choice.validation(of: try allocations(call.body, "VmsAllocations")))
      },
      Route(
        .post,
        "\(root)/execute",
        "Has VMs recovered on other hosts: those named, or without any all VMs of the appliance.",
        body: allocationExample
      ) { call in
        let appliance = try await Vras.applianceInPath(call).identifier
        guard let named = call.body["VmsAllocations"], named.items != nil else {
          return .text(
            try await call.site.relocate(nil, from: appliance, user: call.user).rawValue
          )
        }
        let wanted = try allocations(call.body, "VmsAllocations")
        guard !wanted.isEmpty else { throw APIError.invalid("VmsAllocations names no VM") }
        let machines = Dictionary(wanted.map { ($0.vm, $0.host) }) { first, _ in first }
        guard machines.count == wanted.count else {
          throw APIError.invalid("VmsAllocations names a VM twice")
        }
        return .text(
          try await call.site.relocate(machines, from: appliance, user: call.user).rawValue
        )
      },
    ]
  }

  /// A VM and the host it is to go to.
  fileprivate typealias Allocation = (vm: VMIdentifier, host: HostIdentifier)

  private static func allocations(
    _ body: APIObject,
    _ name: String
  ) throws(APIError) -> [Allocation] {
    var found: [Allocation] = []
    for item in body[name]?.items ?? [] {
      guard let vm = try item.object?.text("VmIdentifier"),
        let host = try item.object?.text("HostIdentifier")
      else { throw .invalid("\(name) has an entry without VmIdentifier or HostIdentifier") }
      found.append((VMIdentifier(vm), HostIdentifier(host)))
    }
    return found
  }

  private static func choice(_ call: APICall) async throws -> RelocationChoice {
    try await call.site.relocationChoice(from: try await Vras.applianceInPath(call).identifier)
  }
}

extension RelocationChoice {
  fileprivate func check(_ names: [VMIdentifier]) throws(APIError) {
    for name in names where !machines.contains(where: { $0.vm == name }) {
      throw .notFound("the appliance \(appliance) recovers no VM \(name)")
    }
  }

  fileprivate func validation(of allocations: [RecoveryVraChanges.Allocation]) -> APIValue {
    .object(
      "VraChangeRecoveryHostValidationResultsApi",
      [
        "VmsValidationsResults": .list(
          allocations.map { allocation in
            let obstacle = obstacle(of: allocation.vm, to: allocation.host)
            return .object(
              "VraChangeRecoveryHostVmValidationResultApi",
              [
                "VmIdentifier": .identifier(allocation.vm),
                "HostIdentifier": .identifier(allocation.host),
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

  fileprivate func recommendation(
    for names: [VMIdentifier],
    _ fixed: [RecoveryVraChanges.Allocation]
  ) -> APIValue {
    let places = spread(
      names,
      fixed: Dictionary(fixed.map { ($0.vm, $0.host) }) { first, _ in first }
    )
    let recommendations = names.map { name -> APIValue in
      let target = targets.first { $0.host == places[name] }
      return .object(
        "VraChangeRecoveryHostVmRecommendationApi",
        [
          "VmIdentifier": .identifier(name),
          "HostIdentifier": .identifier(target?.host),
          "HostName": .text(target?.hostName),
          "Reason": .text(target == nil ? obstacle(of: name) : nil),
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
