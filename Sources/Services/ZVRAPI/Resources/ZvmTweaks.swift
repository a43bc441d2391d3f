// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/management/api/tweaks`: settings of the manager that can be changed while it runs.
///
/// There are those of ``Tweak``, all of them whole numbers.
enum ZvmTweaks {
  private static let kind = "zvm-tweak"
  private static let longestComment = 500
  private static let root = "/management/api/tweaks"

  static var routes: [Route] {
    [
      Route(.get, "\(root)/v1.0/zvmTweaks", "The tweaks, with what holds now.") { call in
        let tweaks = await call.site.tweaks()
        return .list(Tweak.allCases.map { value($0, tweaks) }, of: "TweakApi")
      },
      Route(.get, "\(root)/v1.0/zvmTweaks/{tweakName}", "One tweak.") { call in
        .value(value(try tweak(call.parameter("tweakName")), await call.site.tweaks()))
      },
      Route(
        .post,
        "\(root)/v1/zvmTweaks",
        "Sets a tweak, which holds at once.",
        body: #"""
          {"name": "CheckpointGapAlertInSeconds", "type": "zvm-tweak", "value": "120",
           "comment": "the line is slow at night"}
          """#,
        answer: set
      ),
      Route(
        .delete,
        "\(root)/v1/zvmTweaks/{tweakName}",
        "Sets a tweak back to what is usual."
      ) { call in
        try await call.site.set(try tweak(call.parameter("tweakName")), to: nil, user: call.user)
        return .empty
      },
    ]
  }

  private static func set(_ call: APICall) async throws -> APIResponse {
    guard let name = try call.body.text("name"), !name.isEmpty else {
      throw APIError.invalid("name is missing")
    }
    if let type = try call.body.text("type"), !type.isSame(as: kind) {
      throw APIError.invalid("there are no tweaks of the type \(type), only of \(kind)")
    }
    let tweak = try tweak(name)
    guard let value = try call.body.integer("value") else {
      throw APIError.invalid("value is missing")
    }
    let comment = try call.body.text("comment") ?? ""
    guard comment.count <= longestComment else {
      throw APIError.invalid("comment has more than \(longestComment) characters")
    }
    let setting = Tweaks.Setting(value: value, comment: comment)
    try await call.site.set(tweak, to: setting, user: call.user)
    return .value(self.value(tweak, await call.site.tweaks()))
  }

  private static func tweak(_ name: String) throws(APIError) -> Tweak {
    guard let tweak = Tweak(name: name) else { throw .notFound("there is no tweak \(name)") }
    return tweak
  }

  /// Of a tweak that nobody set, the comment says what it is for.
  private static func value(_ tweak: Tweak, _ tweaks: Tweaks) -> APIValue {
    let range = tweak.range
    return .object(
      "TweakApi",
      [
        "name": .string(tweak.rawValue),
        "type": .string(kind),
        "value": .string(String(tweaks.value(of: tweak))),
        "comment": .string(
          tweaks[tweak]?.comment
            ?? "usual: \(tweak.usual), of \(range.lowerBound) to \(range.upperBound): "
            + tweak.meaning
        ),
      ]
    )
  }
}
