// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

/// What this site tells a peer of what it did to the VPGs of both: its own tasks, events and
/// reports, never what it heard itself.
///
/// Alerts are each site's own, and so are their events.
struct SharedHistory: Sendable {
  /// Tasks, events and reports each that one answer holds at most: the newest of those asked for.
  static let limit = 5000

  let context: SiteContext

  func reply(
    to request: HistoryRequest,
    for caller: SiteIdentifier
  ) async throws(SiteError) -> HistoryReply {
    var reply = HistoryReply(until: context.now())
    var shared = Set(
      await context.vpgs.all().map(\.definition)
        .filter { $0.peer(of: context.site) == caller }.map(\.identifier)
    )
    let open = try await asked(request.open)
    // A VPG whose deletion is under way is in no book any more.
    shared.formUnion(open.flatMap(\.vpgs))
    let isShared: @Sendable ([VPGIdentifier]) -> Bool = { [shared] vpgs in
      vpgs.contains(where: shared.contains)
    }
    // The newest within the bounds; where something is left out, the next answer begins.
    func page<Item>(_ newestFirst: [Item], _ time: (Item) -> WallTime) -> [Item] {
      let within = newestFirst.filter { item in request.to.map { time(item) <= $0 } ?? true }
      if within.count > Self.limit {
        let last = time(within[Self.limit - 1])
        reply.older = max(reply.older ?? last, last)
      }
      return Array(within.prefix(Self.limit))
    }
    let begun = page(
      try await context.tasks.all(since: request.since).filter {
        $0.identifier.site == context.site && isShared($0.vpgs)
      },
      \.started
    )
    let known = Set(begun.map(\.identifier))
    reply.tasks = begun + open.filter { !known.contains($0.identifier) }
    do {
      let events = try await context.store
        .events(from: request.since, to: request.to, limit: Self.limit + 1)
      reply.events = page(events, \.occurred)
        .filter { $0.site == context.site && $0.alert == nil && isShared($0.vpgs) }
      // A report has to be looked for among all, and there is a new one only with such a task.
      if request.since == nil || reply.tasks.contains(where: { $0.kind.isRecovery }) {
        reply.reports = page(
          try await context.store.recoveryReports(from: nil, to: nil)
            .filter { report in
              isShared([report.vpg]) && request.since.map { $0 <= report.ended } ?? true
            }
            .sorted { $0.ended > $1.ended },
          \.ended
        )
      }
    } catch { throw SiteError(error) }
    // More of one millisecond than an answer holds must not be asked for without end.
    if let older = reply.older, older == request.to {
      reply.older = WallTime(milliseconds: older.milliseconds - 1)
    }
    return reply
  }

  /// Those of this site's tasks that there are.
  private func asked(_ identifiers: [TaskIdentifier]) async throws(SiteError) -> [TaskRecord] {
    var found: [TaskRecord] = []
    for identifier in identifiers.prefix(Self.limit) where identifier.site == context.site {
      do throws(SiteError) { found.append(try await context.tasks.task(identifier)) } catch {
        guard case .notFound = error else { throw error }
      }
    }
    return found
  }
}

extension TaskRecord.Kind {
  /// Whether it can be what a recovery ends with, and its report is written.
  fileprivate var isRecovery: Bool {
    switch self {
    case .failover, .failoverTest, .stopFailoverTest, .failoverCommit, .failoverRollback, .move,
      .moveCommit, .moveRollback:
      true
    case .createVPG, .updateVPG, .removeVPG, .clone, .abortClone, .retain, .abortRetain, .restore,
      .restoreVM, .commitVMRestore, .rollBackVMRestore, .insertTaggedCheckpoint, .pauseVPG,
      .resumeVPG, .forceSync, .relocate,
      .installVRA, .changeVRA, .uninstallVRA, .upgradeVRA, .pair, .unpair:
      false
    }
  }
}
