// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
package import RecoveryModel
internal import Store

/// What this site keeps of its peers' histories: a client that asks for an operation at one site
/// of a VPG finds its task, events and report there, whichever site carried it out, and also when
/// that one is gone.
///
/// The store holds it beside the site's own, told apart by its site. A task is as its site last
/// said.
package actor HeardHistory {
  /// What there may be in a peer's store that was not yet there when it last answered, in
  /// milliseconds.
  private static let overlap: Int64 = 60_000

  private struct Hearing {
    /// Heard up to here, by the peer's clock; nil if never.
    var until: WallTime?
    /// Tasks that are not final.
    var open: [TaskIdentifier: TaskRecord]
    var version: Int64?
  }

  private let store: any Store
  private let now: @Sendable () -> WallTime
  private var hearings: [SiteIdentifier: Hearing] = [:]

  init(store: any Store, now: @escaping @Sendable () -> WallTime) {
    self.store = store
    self.now = now
  }

  /// Asks a peer whose history has changed.
  ///
  /// `version`: What it says of it; see ``HistoryVersion``.
  func heed(
    _ version: Int64?,
    of site: SiteIdentifier,
    _ peer: any PeerControl
  ) async throws(SiteError) {
    guard let version, try await hearing(of: site).version != version else { return }
    try await catchUp(with: site, peer)
    hearings[site]?.version = version
  }

  /// Asks a peer for what is new, in as many answers as that takes, the newest first.
  ///
  /// Until all of them are kept, the next call asks for the same again.
  package func catchUp(with site: SiteIdentifier, _ peer: any PeerControl) async throws(SiteError) {
    let hearing = try await hearing(of: site)
    let asked = hearing.open.keys.sorted()
    let since = hearing.until.map {
      WallTime(milliseconds: $0.milliseconds - Self.overlap)
    }
    let reply = try await peer.history(HistoryRequest(since: since, open: asked))
    try await keep(reply, of: site)
    var older = reply.older
    while let to = older {
      let more = try await peer.history(HistoryRequest(since: since, to: to, open: []))
      try await keep(more, of: site)
      older = more.older.flatMap { $0 < to ? $0 : nil }
    }
    let told = Set(reply.tasks.map(\.identifier))
    for identifier in asked where !told.contains(identifier) {
      try await end(identifier, of: site, because: "Its site knows of this task no more.")
    }
    hearings[site]?.until = reply.until
    do {
      try await store.save(HeardHistoryRecord(site: site, until: reply.until))
    } catch { throw SiteError(error) }
  }

  /// Keeps what is new of an answer.
  ///
  /// The tasks are kept last, so that who sees the end of one finds what it left.
  private func keep(_ reply: HistoryReply, of site: SiteIdentifier) async throws(SiteError) {
    do throws(StoreError) {
      for report in reply.reports where try await store.recoveryReport(report.identifier) == nil {
        try await store.save(report)
      }
      let times = reply.events.map(\.occurred)
      if let first = times.min(), let last = times.max() {
        let known = Set(
          try await store.events(from: first, to: last, limit: .max).map(\.identifier)
        )
        let new = reply.events.filter { $0.site == site && !known.contains($0.identifier) }
        // The store keeps the order in which they come.
        try await store.save(new.reversed())
      }
    } catch { throw SiteError(error) }
    for task in reply.tasks { try await keep(task, of: site) }
  }

  /// Keeps a peer's task as it says the task stands; an older word changes nothing.
  package func keep(_ task: TaskRecord, of site: SiteIdentifier) async throws(SiteError) {
    guard task.identifier.site == site else { return }
    let hearing = try await hearing(of: site)
    do throws(StoreError) {
      var known = hearing.open[task.identifier]
      if known == nil { known = try await store.task(task.identifier) }
      guard known.map({ $0.generation < task.generation }) ?? true else { return }
      try await store.save(task)
    } catch { throw SiteError(error) }
    hearings[site]?.open[task.identifier] = task.state.isFinal ? nil : task
  }

  /// Ends what is open of a site that this one is no longer paired with: nobody will hear of it.
  func part(from site: SiteIdentifier) async throws(SiteError) {
    for identifier in try await hearing(of: site).open.keys.sorted() {
      try await end(identifier, of: site, because: "The sites are no longer paired.")
    }
    hearings[site] = nil
  }

  private func end(
    _ identifier: TaskIdentifier,
    of site: SiteIdentifier,
    because reason: String
  ) async throws(SiteError) {
    guard var task = hearings[site]?.open[identifier] else { return }
    task.state = .stopped
    task.progress = 100
    task.completed = now()
    task.completeReason = reason
    do { try await store.save(task) } catch { throw SiteError(error) }
    hearings[site]?.open[identifier] = nil
  }

  /// What was heard of a site until now, also by a manager that was stopped.
  private func hearing(of site: SiteIdentifier) async throws(SiteError) -> Hearing {
    if let hearing = hearings[site] { return hearing }
    let made: Hearing
    do throws(StoreError) {
      let open = try await store.tasks().filter {
        $0.identifier.site == site && !$0.state.isFinal
      }
      made = Hearing(
        until: try await store.heardHistory(of: site)?.until,
        open: Dictionary(open.map { ($0.identifier, $0) }) { first, _ in first }
      )
    } catch { throw SiteError(error) }
    // Another call may have been first.
    let kept = hearings[site] ?? made
    hearings[site] = kept
    return kept
  }
}
