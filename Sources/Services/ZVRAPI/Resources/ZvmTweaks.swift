// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// `/management/api/tweaks`: hidden settings: there are none.
///
/// What can be set is in the manager's configuration file, for everyone to read.
enum ZvmTweaks {
  static var routes: [Route] {
    [
      Route(.get, "\(root)/v1.0/zvmTweaks", "The tweaks: there are none.") { _ in
        .list([], of: "TweakApi")
      },
      Route(.get, "\(root)/v1.0/zvmTweaks/{tweakName}", "One tweak.", answer: unknown),
      Route(
        .post,
        "\(root)/v1/zvmTweaks",
        "Sets a tweak: there are none.",
        body: #"{"name": "…", "type": "zvm-tweak", "value": "1"}"#
      ) { call in
        guard let name = try call.body.text("name"), !name.isEmpty else {
          throw APIError.invalid("name is missing")
        }
        throw APIError.notAvailable("the tweak \(name)", "there are none")
      },
      Route(.delete, "\(root)/v1/zvmTweaks/{tweakName}", "Resets a tweak.", answer: unknown),
    ]
  }

  private static let root = "/management/api/tweaks"

  private static func unknown(_ call: APICall) async throws -> APIResponse {
    throw APIError.notFound("there is no tweak \(call.parameter("tweakName"))")
  }
}
