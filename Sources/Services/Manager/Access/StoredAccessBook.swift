// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Logging
internal import Orchestration
internal import RecoveryModel
internal import ServiceLifecycle
internal import Store
internal import ZVRAPI

/// The audit log and the banner in the store.
struct StoredAccessBook: AccessBook {
  /// A name that was tried may be of any length.
  private static let longestText = 500

  let authorityPEM: String
  let store: any Store
  let events: EventLog
  let logger: Logger
  let now: @Sendable () -> WallTime

  func note(_ entry: AuditEntry) async {
    let record = AuditRecord(
      identifier: UUID().uuidString.lowercased(),
      occurred: now(),
      user: String(entry.user.prefix(Self.longestText)),
      role: entry.role,
      source: entry.source,
      action: String(entry.action.prefix(Self.longestText)),
      status: entry.status,
      reason: String(entry.reason.prefix(Self.longestText))
    )
    do { try await store.append(record) } catch {
      logger.error("audit entry not stored", metadata: ["entry": "\(record)", "error": "\(error)"])
    }
    guard entry.isLogon else { return }
    let isRight = entry.reason.isEmpty
    await events.record(
      .logIn,
      "The user \(record.user) \(isRight ? "logged on" : "was not let in") from "
        + "\(entry.source)\(isRight ? "" : ": \(record.reason)")",
      succeeded: isRight,
      user: record.user
    )
  }

  func entries(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws -> [AuditEntry] {
    try await store.audit(from: start, to: end, limit: limit).map { record in
      AuditEntry(
        identifier: record.identifier,
        occurred: record.occurred,
        user: record.user,
        role: record.role,
        source: record.source,
        action: record.action,
        status: record.status,
        reason: record.reason
      )
    }
  }

  func banner() async throws -> LoginBanner {
    let record = try await store.loginBanner()
    return LoginBanner(isShown: record?.isShown ?? false, text: record?.text ?? "")
  }

  func setBanner(_ banner: LoginBanner) async throws {
    try await store.save(LoginBannerRecord(isShown: banner.isShown, text: banner.text))
  }
}

/// Ends audit entries by age, once an hour, and says so in the log that is left.
struct AuditRetention: Service {
  private static let interval = Duration.seconds(3600)

  let store: any Store
  let days: Int
  let logger: Logger
  let now: @Sendable () -> WallTime

  func run() async {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await prune()
        do { try await Task.sleep(for: Self.interval) } catch { return }
      }
    }
  }

  private func prune() async {
    let now = now()
    let bound = WallTime(milliseconds: now.milliseconds - Int64(days) * 86_400_000)
    do {
      let count = try await store.removeAudit(before: bound)
      guard count > 0 else { return }
      try await store.append(
        AuditRecord(
          identifier: UUID().uuidString.lowercased(),
          occurred: now,
          user: "System",
          role: "",
          source: "",
          action: "end \(count) audit entries older than \(days) days",
          status: 200,
          reason: ""
        )
      )
    } catch {
      logger.error("audit log not shortened", metadata: ["error": "\(error)"])
    }
  }
}
