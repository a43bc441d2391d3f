// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import Logging
package import RecoveryModel
package import Store

/// What happened at the site, for people and audits.
package struct EventLog: Sendable {
  private let site: SiteIdentifier
  private let store: any Store
  private let logger: Logger
  private let now: @Sendable () -> WallTime
  private let version: HistoryVersion
  /// What is kept, as it is kept.
  package let feed = EventFeed()

  package init(
    site: SiteIdentifier,
    store: any Store,
    logger: Logger,
    version: HistoryVersion = HistoryVersion(),
    now: @escaping @Sendable () -> WallTime
  ) {
    self.site = site
    self.store = store
    self.logger = logger
    self.now = now
    self.version = version
  }

  /// Keeps an event.
  ///
  /// One that the store does not take is in the log at least.
  package func record(
    _ kind: EventRecord.Kind,
    _ description: String,
    succeeded: Bool = true,
    user: String = "System",
    vpgs: [VPGIdentifier] = [],
    alert: String? = nil
  ) async {
    logger.info("\(description)", metadata: ["event": "\(kind)", "user": "\(user)"])
    var event = EventRecord(
      identifier: UUID().uuidString.lowercased(),
      kind: kind,
      occurred: now(),
      description: description,
      succeeded: succeeded,
      userName: user,
      vpgs: vpgs,
      site: site
    )
    event.alert = alert
    do { try await store.save(event) } catch {
      logger.error("event not stored", metadata: ["error": "\(error)"])
    }
    version.advance()
    feed.publish(event)
  }
}
