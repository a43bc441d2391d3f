// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Logging
internal import RecoveryModel
internal import Store

/// Makes the checkpoints of the VPGs this site protects.
actor CheckpointKeeper {
  private static let tick = Duration.milliseconds(200)
  private static let durabilityLimit = Duration.seconds(60)

  private let context: SiteContext
  private var due: [VPGIdentifier: ContinuousClock.Instant] = [:]
  private var last: [VPGIdentifier: CheckpointIdentifier] = [:]
  /// VPGs a periodic mark is under way for; the next one waits for it.
  private var marking: Set<VPGIdentifier> = []

  init(context: SiteContext) { self.context = context }

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
    let records = await context.vpgs.all().filter {
      $0.definition.protectedSite == context.site && $0.phase == .protecting && !$0.isPaused
    }
    let known = Set(records.map(\.definition.identifier))
    due = due.filter { known.contains($0.key) }
    last = last.filter { known.contains($0.key) }
    return records.filter { record in
      let vpg = record.definition.identifier
      guard !marking.contains(vpg) else { return false }
      return due[vpg].map { $0 <= now } ?? true
    }
  }

  private func markPeriodically(_ record: VPGRecord) async {
    let vpg = record.definition.identifier
    defer { marking.remove(vpg) }
    do throws(SiteError) {
      _ = try await mark(record, tag: "")
      due[vpg] = .now + .seconds(record.definition.policy.checkpointIntervalInSeconds)
    } catch {
      // Not ordered yet, or skipped: the next tick tries again.
      context.logger.debug(
        "no checkpoint",
        metadata: ["vpg": "\(vpg)", "reason": "\(error.message)"]
      )
      due[vpg] = .now + .seconds(1)
    }
  }

  /// Marks a checkpoint in all streams of a VPG, as of one instant.
  ///
  /// - Throws: A conflict that says which VM keeps it from being made.
  func mark(_ record: VPGRecord, tag: String) async throws(SiteError) -> Checkpoint {
    let appliance = try await markableAppliance(record)
    let checkpoint = Checkpoint(
      identifier: await nextIdentifier(of: record.definition),
      time: context.now(),
      tag: tag
    )
    let reply = try await context.appliances.client(for: appliance).mark(
      MarkRequest(checkpoint: checkpoint, streams: record.definition.vms.map(\.stream))
    )
    guard reply.isMarked else {
      throw .conflict(
        "No checkpoint of the VPG \(record.definition.name) can be made now: \(reply.reason)"
      )
    }
    return checkpoint
  }

  /// The appliance that sends all the VPG's streams, every one of them in order.
  private func markableAppliance(
    _ record: VPGRecord
  ) async throws(SiteError) -> ApplianceIdentifier {
    let name = record.definition.name
    guard record.phase == .protecting, !record.isPaused else {
      throw .conflict("The VPG \(name) is not being replicated, so it has no new checkpoints.")
    }
    var senders: Set<ApplianceIdentifier> = []
    for vm in record.definition.vms {
      guard let appliance = await context.appliances.sender(of: vm.stream),
        let status = await context.appliances.stream(vm.stream)
      else { throw .conflict("The VM \(vm.name) of the VPG \(name) is not being replicated.") }
      guard status.sync == .ordered, !status.needsSync else {
        throw .conflict("The VM \(vm.name) of the VPG \(name) is not in sync (\(status.sync)).")
      }
      guard status.isConnected else {
        throw .conflict("The VM \(vm.name) of the VPG \(name) has no link to the recovery site.")
      }
      senders.insert(appliance)
    }
    guard let appliance = senders.first, senders.count == 1 else {
      throw .conflict("The VMs of the VPG \(name) are not on one host.")
    }
    return appliance
  }

  /// Larger than any before, also when the clock went back or another manager made the last one.
  private func nextIdentifier(of definition: VPGDefinition) async -> CheckpointIdentifier {
    let vpg = definition.identifier
    let durable = await context.peers.share(of: vpg, at: definition.recoverySite)?
      .journals.compactMap(\.latestCheckpoint?.identifier).max()
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
      let share = await context.peers.share(
        of: definition.identifier,
        at: definition.recoverySite
      )
      let latest = share?.journals.map(\.latestCheckpoint?.identifier) ?? []
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
