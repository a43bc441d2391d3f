// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/serverDateTime`: the manager's clock.
enum ServerDateTime: Resource {
  static let root = "serverDateTime"
  static let interface = "IServerDateTimeService"

  static var routes: [Route] {
    [
      Route(.get, "serverDateTime/serverDateTimeUtc", "The time, in UTC.") { call in
        .value(.date(await call.site.now()))
      },
      Route(
        .get,
        "serverDateTime/serverDateTimeLocal",
        "The same instant; how far the server's zone is from UTC says the site."
      ) { call in
        .value(.date(await call.site.now()))
      },
      Route(
        .get,
        "serverDateTime/dateTimeArgument",
        "How the server understands the date in the query's dateTime, in UTC; without one, now."
      ) { call in
        guard let text = call.query.text("dateTime") else {
          return .value(.date(await call.site.now()))
        }
        guard let time = APIDate.readArgument(text) else {
          throw APIError.invalid("dateTime is not a date: \(text)")
        }
        return .value(.date(time))
      },
    ]
  }
}
