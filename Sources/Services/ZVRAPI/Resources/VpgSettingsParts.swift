// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The calls for the sub-objects of a settings object that are not about VMs.
enum VpgSettingsParts {
  static var routes: [Route] {
    SettingsPart.allCases.flatMap(routes) + listings + [
      change(.post, .ltr, "Sets the LongTermRetention object."),
      Route(.get, "\(VpgSettings.settings)/priority", "The priority's name.") { call in
        .value(try await call.draft().tree.value("Basic", "Priority"))
      },
    ]
  }

  private static func path(_ part: SettingsPart) -> String {
    "\(VpgSettings.settings)/\(part.rawValue)"
  }

  private static func routes(_ part: SettingsPart) -> [Route] {
    [
      Route(.get, path(part), "The \(part.member) object of the settings.") { call in
        let value = try await call.draft().tree[part.member] ?? .null
        return .value(value == .null ? .object(part.shape.blank) : value)
      },
      change(.put, part, "Changes what the body holds."),
      Route(.delete, path(part), "Sets the \(part.member) object back to defaults.") { call in
        try await call.change { draft throws(APIError) in draft.reset(part) }
        return .empty
      },
    ]
  }

  private static func change(
    _ method: APIRequest.Method,
    _ part: SettingsPart,
    _ summary: String
  ) -> Route {
    Route(
      method,
      path(part),
      summary,
      body: String(decoding: JSONWriter.write(.object(part.shape.blank)), as: UTF8.self)
    ) { call in
      try await call.change { draft throws(APIError) in try draft.change(part, call.body) }
      return .empty
    }
  }

  private static var listings: [Route] {
    [
      ("dayofweek", "Days of the week.", APIEnumerations.dayOfWeek),
      ("retentionperiod", "How long backups can be kept.", APIEnumerations.backupRetentionPeriod),
      ("schedulerperiod", "How often backups can be made.", APIEnumerations.backupSchedulerPeriod),
    ].map { name, summary, enumeration in
      Route(.get, "\(path(.backup))/\(name)", summary) { call in
        _ = try await call.draft()
        return .value(enumeration.listing)
      }
    }
  }
}
