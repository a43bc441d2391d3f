// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Logging
internal import RecoveryModel
internal import Store

/// Makes the checkpoints of the VPGs this site protects.
actor CheckpointKeeper {
  private static let tick = Duration.milliseconds(100)
  private static let durabilityLimit = Duration.seconds(60)
  /// Holds that came to nothing made guests wait for nothing: they are tried ever more rarely.
  private static let longestPause = Duration.seconds(30)

  let context: SiteContext
  let runner: CheckpointRunner
  let freezer: GuestFreezer
  private var due: [VPGIdentifier: ContinuousClock.Instant] = [:]
  private var last: [VPGIdentifier: CheckpointIdentifier] = [:]
  /// VPGs a periodic mark is under way for; the next one waits for it.
  private var marking: Set<VPGIdentifier> = []

  private var skipped: [VPGIdentifier: SkippedCheckpoints] = [:]
  /// How many quiesced checkpoints were due when a VPG was last looked at.
  private var quiesced: [VPGIdentifier: Int64] = [:]
  /// Why the last scheduled one was not quiesced, where that was told.
  private var shortfalls: [VPGIdentifier: String] = [:]

  /// What a checkpoint is to be marked in.
  struct Marked {
    var senders: CheckpointRunner.Senders = [:]
    /// The streams whose VMs are off.
    var resting: [StreamIdentifier] = []
  }

  init(context: SiteContext, freezer: GuestFreezer) {
    self.context = context
    self.freezer = freezer
    runner = CheckpointRunner { [appliances = context.appliances] appliance throws(SiteError) in
      try appliances.client(for: appliance)
    }
  }

  /// Marks every VPG at its interval until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      while !Task.isCancelled {
        for record in await dueRecords() {
          marking.insert(record.definition.identifier)
          group.addTask { await self.markPeriodically(record) }
        }
        do { try await Task.sleep(for: Self.tick) } catch { break }
      }
      group.cancelAll()
    }
  }

  private func dueRecords() async -> [VPGRecord] {
    let now = ContinuousClock.now
    let tweaks = await context.tweaks.tweaks
    let records = await context.vpgs.all().filter {
      $0.definition.protectedSite == context.site && $0.phase == .protecting && !$0.isPaused
        && !$0.definition.vms.isEmpty
    }
    let known = Set(records.map(\.definition.identifier))
    due = due.filter { known.contains($0.key) }
    last = last.filter { known.contains($0.key) }
    skipped = skipped.filter { known.contains($0.key) }
    quiesced = quiesced.filter { known.contains($0.key) }
    shortfalls = shortfalls.filter { known.contains($0.key) }
    return records.filter { record in
      let vpg = record.definition.identifier
      guard !marking.contains(vpg) else { return false }
      guard let due = due[vpg] else { return true }
      // One that is due later than could be now was due by an interval that does not hold any more.
      return due <= now || due > now + max(Self.interval(of: record, tweaks), Self.longestPause)
    }
  }

  private static func interval(of record: VPGRecord, _ tweaks: Tweaks) -> Duration {
    let tweaked = tweaks.value(of: .checkpointInterval)
    return .seconds(
      tweaked > 0 ? tweaked : record.definition.policy.checkpointIntervalInSeconds
    )
  }

  private func markPeriodically(_ record: VPGRecord) async {
    let vpg = record.definition.identifier
    let began = ContinuousClock.now
    defer { marking.remove(vpg) }
    let senders: Marked
    do throws(SiteError) { senders = try await self.senders(record) } catch {
      // Not in order: nobody was made to wait.
      skipped[vpg, default: SkippedCheckpoints()].wait(error.message)
      due[vpg] = began + .seconds(1)
      return
    }
    do throws(SiteError) {
      if isQuiescedDue(record.definition) {
        let made = try await markQuiesced(record, tag: "", over: senders)
        await note(shortfall: made.shortfall, of: record.definition)
      } else {
        _ = try await mark(record, tag: "", over: senders)
      }
      if let count = skipped[vpg]?.make() { await tell(count, record.definition) }
      // From when it was due, so that intervals do not grow by what marking takes.
      let interval = Self.interval(of: record, await context.tweaks.tweaks)
      due[vpg] = max((due[vpg] ?? began) + interval, began + interval / 2)
    } catch {
      due[vpg] = began + (await note(error.message, of: record.definition))
    }
  }

  /// Whether a quiesced checkpoint became due since the VPG was last looked at.
  private func isQuiescedDue(_ definition: VPGDefinition) -> Bool {
    let now = definition.quiescedPeriod(at: context.now())
    let before = quiesced.removeValue(forKey: definition.identifier)
    quiesced[definition.identifier] = now
    guard let now, let before else { return false }
    return now > before
  }

  /// Tells why a scheduled checkpoint is crash-consistent only, when that is news.
  private func note(shortfall: String, of definition: VPGDefinition) async {
    let vpg = definition.identifier
    guard shortfalls.updateValue(shortfall, forKey: vpg) ?? "" != shortfall else { return }
    await context.events.record(
      .unknown,
      shortfall.isEmpty
        ? "Scheduled checkpoints of the VPG \(definition.name) are application-consistent again."
        : "A scheduled checkpoint of the VPG \(definition.name) is crash-consistent only: "
          + shortfall,
      succeeded: shortfall.isEmpty,
      vpgs: [vpg]
    )
  }

  /// Counts a checkpoint that was due and not made.
  ///
  /// - Returns: How long to wait before the next one is tried.
  private func note(_ reason: String, of definition: VPGDefinition) async -> Duration {
    let vpg = definition.identifier
    var skips = skipped[vpg] ?? SkippedCheckpoints()
    let isNews = skips.skip(reason, at: context.now())
    skipped[vpg] = skips
    context.logger.warning(
      "checkpoint skipped",
      metadata: ["vpg": "\(vpg)", "reason": "\(reason)", "count": "\(skips.count)"]
    )
    if isNews {
      await context.events.record(
        .unknown,
        "A checkpoint of the VPG \(definition.name) was skipped: \(reason)",
        succeeded: false,
        vpgs: [vpg]
      )
    }
    return min(.seconds(1 << min(skips.countInARow - 1, 5)), Self.longestPause)
  }

  private func tell(_ count: Int, _ definition: VPGDefinition) async {
    await context.events.record(
      .unknown,
      "The VPG \(definition.name) makes checkpoints again; skipped in a row: \(count).",
      vpgs: [definition.identifier]
    )
  }

  /// The checkpoints of a VPG that were due since the process began and could not be made.
  func skipped(of vpg: VPGIdentifier) -> SkippedCheckpoints {
    skipped[vpg] ?? SkippedCheckpoints()
  }

  /// Marks a checkpoint in all streams of a VPG, as of one instant.
  ///
  /// - Throws: A conflict that says which VM keeps it from being made.
  func mark(_ record: VPGRecord, tag: String) async throws(SiteError) -> Checkpoint {
    try await mark(record, tag: tag, over: try await senders(record))
  }

  func mark(
    _ record: VPGRecord,
    tag: String,
    over marked: Marked
  ) async throws(SiteError) -> Checkpoint {
    let checkpoint = Checkpoint(
      identifier: await nextIdentifier(of: record.definition),
      time: context.now(),
      tag: tag
    )
    let reply = try await runner.run(
      checkpoint,
      over: marked.senders,
      resting: marked.resting
    )
    guard reply.isMarked else {
      throw .conflict(
        "No checkpoint of the VPG \(record.definition.name) can be made now: \(reply.reason)"
      )
    }
    return checkpoint
  }

  /// Which appliance sends which of the VPG's streams, every one of them in order.
  func senders(_ record: VPGRecord) async throws(SiteError) -> Marked {
    let name = record.definition.name
    guard [.protecting, .handingOver].contains(record.phase), !record.isPaused else {
      throw .conflict("The VPG \(name) is not being replicated, so it has no new checkpoints.")
    }
    guard !record.definition.vms.isEmpty else {
      throw .conflict("The VPG \(name) has no VMs, so there is nothing to make a checkpoint of.")
    }
    var marked = Marked()
    for vm in record.definition.vms {
      guard let appliance = await context.appliances.sender(of: vm.stream),
        let status = await context.stream(of: vm)
      else { throw .conflict("The VM \(vm.name) of the VPG \(name) is not being replicated.") }
      guard status.sync != .idle else {
        throw .conflict(
          "Of the VM \(vm.name) of the VPG \(name) no writes are taken: it is gone, or its disks "
            + "have no tap."
        )
      }
      guard status.sync == .ordered, !status.needsSync else {
        throw .conflict("The VM \(vm.name) of the VPG \(name) is being synced.")
      }
      guard status.isConnected else {
        throw .conflict("The VM \(vm.name) of the VPG \(name) has no link to the recovery site.")
      }
      marked.senders[appliance, default: []].append(vm.stream)
      if status.restingRPOInMilliseconds != nil { marked.resting.append(vm.stream) }
    }
    return marked
  }

  /// Larger than any before, also when the clock went back or another manager made the last one.
  func nextIdentifier(of definition: VPGDefinition) async -> CheckpointIdentifier {
    let vpg = definition.identifier
    let durable = await context.journals(of: definition)
      .compactMap(\.latestCheckpoint?.identifier).max()
    let floor = max(last[vpg]?.number ?? 0, durable?.number ?? 0)
    let now = UInt64(max(0, context.now().milliseconds))
    let identifier = CheckpointIdentifier(max(floor + 1, now))
    last[vpg] = identifier
    return identifier
  }

  /// Waits until a checkpoint is in every journal of the VPG.
  nonisolated func waitUntilDurable(
    _ checkpoint: Checkpoint,
    of definition: VPGDefinition
  ) async throws(SiteError) {
    let deadline = ContinuousClock.now + Self.durabilityLimit
    while ContinuousClock.now < deadline {
      let latest = await context.journals(of: definition).map(\.latestCheckpoint?.identifier)
      let isPassed = latest.allSatisfy { $0.map { $0 >= checkpoint.identifier } ?? false }
      if latest.count == definition.vms.count, isPassed {
        let held = try await context.peers.client(for: definition.recoverySite)
          .checkpoints(of: definition.identifier)
        if held.contains(where: { $0.identifier == checkpoint.identifier }) { return }
        throw .failed("The checkpoint was lost: a sync began before it was safe.")
      }
      do { try await Task.sleep(for: .milliseconds(200)) } catch {
        throw .failed("The manager is stopping.")
      }
    }
    throw .failed("The recovery site did not confirm the checkpoint within 60 seconds.")
  }
}
