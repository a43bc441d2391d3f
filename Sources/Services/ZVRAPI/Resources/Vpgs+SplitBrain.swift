// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

extension Vpgs {
  /// A VPG that both of its sites act for, and the end of it.
  ///
  /// Not in Zerto's API.
  static var splitBrain: [Route] {
    [
      Route(
        .get,
        "\(vpg)/splitbrain",
        "Whether both sites act for the VPG, and what is lost by keeping one of them."
      ) { call in
        .value(.splitBrain(try await call.site.vpg(call.vpg)))
      },
      Route(
        .post,
        "\(vpg)/splitbrain",
        "Keeps the VMs of one site and gives up those of the other. Answers a task.",
        body: #"{"KeepSiteIdentifier": "…"}"#
      ) { call in
        guard let site = try call.body.text("KeepSiteIdentifier"), !site.isEmpty else {
          throw APIError.invalid("KeepSiteIdentifier is missing")
        }
        return try await perform(.resolve(keeping: SiteIdentifier(site)), call)
      },
    ]
  }
}

extension APIValue {
  fileprivate static func splitBrain(_ view: VPGView) -> APIValue {
    let found = view.splitBrain
    return .object(
      "VpgSplitBrainApi",
      [
        "VpgIdentifier": .identifier(view.definition.identifier),
        "VpgName": .string(view.definition.name),
        "IsSplit": .bool(found != nil),
        "VmNames": .list((found?.vms ?? []).map(APIValue.string), element: "string"),
        "PartedAt": .checkpoint(found?.parted),
        "Choices": .list(
          (found?.choices ?? []).map { choice in
            .object(
              "SplitBrainChoiceApi",
              [
                "SiteIdentifier": .identifier(choice.site),
                "SiteName": .string(choice.name),
                "Consequence": .string(choice.consequence),
              ]
            )
          },
          element: "SplitBrainChoiceApi"
        ),
      ]
    )
  }
}
