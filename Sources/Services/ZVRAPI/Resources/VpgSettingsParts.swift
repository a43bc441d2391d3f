// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The calls for the sub-objects of a settings object that are not about VMs.
enum VpgSettingsParts {
  static var routes: [Route] {
    SettingsPart.allCases.flatMap(routes) + [
      Route(.get, "\(VpgSettings.settings)/priority", "The priority's name.") { call in
        .value(try await call.draft().tree.value("Basic", "Priority"))
      }
    ]
  }

  private static func routes(_ part: SettingsPart) -> [Route] {
    let path = "\(VpgSettings.settings)/\(part.rawValue)"
    return [
      Route(.get, path, "The \(part.member) object of the settings.") { call in
        .value(try await call.draft().tree[part.member] ?? .null)
      },
      Route(
        .put,
        path,
        "Changes what the body holds.",
        body: String(decoding: JSONWriter.write(.object(part.shape.blank)), as: UTF8.self)
      ) { call in
        try await call.change { draft throws(APIError) in try draft.change(part, call.body) }
        return .empty
      },
      Route(.delete, path, "Sets the \(part.member) object back to defaults.") { call in
        try await call.change { draft throws(APIError) in draft.reset(part) }
        return .empty
      },
    ]
  }
}
