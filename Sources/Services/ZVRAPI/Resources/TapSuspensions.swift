// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/tapsuspensions`: disks that are left to other tools for a while.
///
/// Not in Zerto's API, whose appliances need no such thing.
enum TapSuspensions: Resource {
  static let root = "tapsuspensions"
  static let interface = "ITapSuspensionsService"

  private static let wish = #"{"VmIdentifier": "…", "Disk": "vda", "Minutes": 30}"#

  static var routes: [Route] {
    [
      Route(.get, "tapsuspensions", "The taps that are suspended, and until when.", answer: list),
      Route(
        .post,
        "tapsuspensions",
        "Suspends the tap of a disk, of a VM, or with HostIdentifier of a host's VMs. Answers when "
          + "the disks are free.",
        body: wish
      ) { call in
        guard let minutes = try call.body.integer("Minutes") else {
          throw APIError.invalid("Minutes is missing")
        }
        try await call.site.suspendTaps(target(call), minutes: minutes, user: call.user)
        return try await list(call)
      },
      Route(
        .delete,
        "tapsuspensions",
        "Ends suspensions before their time.",
        body: #"{"VmIdentifier": "…", "Disk": "vda"}"#
      ) { call in
        try await call.site.resumeTaps(target(call), user: call.user)
        return try await list(call)
      },
    ]
  }

  private static func target(_ call: APICall) throws(APIError) -> TapTarget {
    TapTarget(
      vm: try call.body.text("VmIdentifier").map { VMIdentifier($0) },
      host: try call.body.text("HostIdentifier").map { HostIdentifier($0) },
      disk: try call.body.text("Disk")
    )
  }

  private static func list(_ call: APICall) async throws -> APIResponse {
    let views = try await call.site.tapSuspensions()
    return .list(
      views.map { view in
        .object(
          "TapSuspensionApi",
          [
            "VpgIdentifier": .string(view.vpg.rawValue),
            "VmIdentifier": .string(view.suspension.vm.rawValue),
            "VmName": .string(view.vmName),
            "VolumeIdentifier": .string(view.suspension.volume?.rawValue ?? ""),
            "Until": .date(view.suspension.until),
            "IsFree": .bool(view.isFree),
          ]
        )
      },
      of: "TapSuspensionApi"
    )
  }
}
