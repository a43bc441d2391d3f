// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

extension PeerRoutes {
  /// POST ``HistoryRequest`` gives ``HistoryReply``.
  package static let history = "/v1/history"
}

/// What was done and happened to the VPGs of both sites at the callee's.
package struct HistoryRequest: Codable, Sendable, Equatable {
  /// From when on, by the callee's clock; nil asks for all there is.
  package var since: WallTime?
  /// Up to when; nil asks for the newest.
  package var to: WallTime?
  /// Tasks the caller knows as not final.
  package var open: [TaskIdentifier]

  package init(since: WallTime?, to: WallTime? = nil, open: [TaskIdentifier]) {
    self.since = since
    self.to = to
    self.open = open
  }
}

/// The callee's own history: what it heard of the caller is not in it.
package struct HistoryReply: Codable, Sendable, Equatable {
  /// When it was put together; the next request goes on from here.
  package var until: WallTime
  /// Those that began since, and the open ones that were asked for, as they stand.
  package var tasks: [TaskRecord]
  package var events: [EventRecord]
  /// Of recoveries that ended since.
  package var reports: [RecoveryReport]
  /// Up to when there is more than one answer holds; nil if this is all.
  package var older: WallTime?

  package init(
    until: WallTime,
    tasks: [TaskRecord] = [],
    events: [EventRecord] = [],
    reports: [RecoveryReport] = []
  ) {
    self.until = until
    self.tasks = tasks
    self.events = events
    self.reports = reports
  }
}
