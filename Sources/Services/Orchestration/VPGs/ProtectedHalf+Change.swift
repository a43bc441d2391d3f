// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

// A change is noted before the other site hears of it, and gone on with under its task by whatever
// manager is there: the recovery site may have taken what this one has not stored yet.

extension ProtectedHalf {
  /// How long a site is asked again that does not answer whether it has a change.
  private static let answerLimit = Duration.seconds(30)
  private static let answerInterval = Duration.seconds(1)

  /// Changes a VPG that is protected, if the wish was made of the definition as it is.
  ///
  /// The recovery site takes the new definition whole or not at all; this site follows it.
  func update(
    _ wish: VPGDefinition,
    of record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let vpg = record.definition.identifier
    try await context.vpgs.beginChange(of: vpg)
    do throws(SiteError) {
      let (old, new) = try await changed(vpg, to: wish)
      return try await context.tasks.run(.updateVPG, user: user, vpgs: [vpg]) {
        [self] task throws(SiteError) in
        let change = VPGRecord.Change(before: old, asked: new, task: task, user: user)
        try await ending(change) { () throws(SiteError) in
          do throws(SiteError) {
            try await context.vpgs.update(vpg) { $0.changes.insert(change, at: 0) }
            try await handOver(change, new)
          } catch {
            await context.vpgs.endChange(of: vpg)
            throw error
          }
          await context.vpgs.endChange(of: vpg)
          try await carryThrough(change, new)
        }
      }
    } catch {
      await context.vpgs.endChange(of: vpg)
      throw error
    }
  }

  /// Goes on with a change that a manager that is gone had begun.
  func resume(_ change: VPGRecord.Change, of vpg: VPGIdentifier) async throws(SiteError) {
    try await ending(change) { () throws(SiteError) in
      if let asked = change.asked {
        try await waitForTurn(change, vpg)
        do throws(SiteError) { try await handOver(change, asked) } catch {
          await context.vpgs.endChange(of: vpg)
          throw error
        }
        await context.vpgs.endChange(of: vpg)
      }
      guard let record = await context.vpgs.record(vpg) else {
        throw Self.isOvertaken(change.before)
      }
      let noted = record.changes.first { $0.task == change.task }
      try await carryThrough(noted ?? change, record.definition)
    }
  }

  /// Takes the VPG for a change that was noted, after whoever has it now.
  private func waitForTurn(
    _ change: VPGRecord.Change,
    _ vpg: VPGIdentifier
  ) async throws(SiteError) {
    while let changes = await context.vpgs.record(vpg)?.changes,
      changes.contains(where: { $0.task == change.task })
    {
      do throws(SiteError) { return try await context.vpgs.beginChange(of: vpg) } catch {
        do { try await Task.sleep(for: Self.answerInterval) } catch {
          throw .failed("The manager is stopping.")
        }
      }
    }
    throw Self.isOvertaken(change.before)
  }

  /// The definition there is, and the one that a wish comes to, if it can be carried out now.
  private func changed(
    _ vpg: VPGIdentifier,
    to wish: VPGDefinition
  ) async throws(SiteError) -> (old: VPGDefinition, new: VPGDefinition) {
    // Read after the VPG was taken for the change: nobody else changes it any more.
    guard let record = await context.vpgs.record(vpg) else {
      throw .notFound("There is no VPG \(vpg).")
    }
    let old = record.definition
    guard record.phase == .protecting else {
      throw .conflict("The VPG \(old.name) cannot be changed now: it is \(record.phase).")
    }
    if let stage = try await testStage(of: old) {
      throw .conflict("The VPG \(old.name) cannot be changed during a test (\(stage)).")
    }
    guard wish.generation == old.generation + 1 else {
      throw .conflict(
        "The VPG \(old.name) was changed by someone else since its editing began; begin again."
      )
    }
    var definition = wish
    definition.identifier = vpg
    return (old, try await checked(definition, changing: old))
  }

  /// How far a failover test is that goes on now.
  private func testStage(of definition: VPGDefinition) async throws(SiteError) -> String? {
    let (vpg, site) = (definition.identifier, definition.recoverySite)
    guard await context.peers.share(of: vpg, at: site)?.testStage != nil else { return nil }
    // It was seen a moment ago, and may be over: whoever stopped it need not wait.
    let state = try await context.peers.client(for: site).state()
    return state.vpgs.first { $0.definition.identifier == vpg }?.testStage
  }

  /// Has both sites take a change that was noted; the VPG was taken for it.
  private func handOver(
    _ change: VPGRecord.Change,
    _ new: VPGDefinition
  ) async throws(SiteError) {
    let vpg = new.identifier
    let deadline = ContinuousClock.now + Self.answerLimit
    var wasAnswered = false
    while true {
      guard let record = await context.vpgs.record(vpg), record.changes.first?.task == change.task,
        [change.before, new].contains(record.definition), record.phase == .protecting
      else { throw Self.isOvertaken(new) }
      do throws(SiteError) {
        return try await self.change(vpg, to: new) { record in
          record.note(change.task) { $0.asked = nil }
        }
      } catch .unreachable(let reason) {
        // A site that answers, and has not taken it twice, cannot: its appliance may be away.
        let has = try? await context.peers.client(for: new.recoverySite).state().vpgs
          .first { $0.definition.identifier == vpg }?.definition
        if has == change.before, wasAnswered { throw .unreachable(reason) }
        wasAnswered = has != nil
        guard ContinuousClock.now < deadline else { throw Self.isNotKnown(reason) }
      }
      do { try await Task.sleep(for: Self.answerInterval) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  private static func isNotKnown(_ reason: String) -> SiteError {
    .unreachable(
      "The recovery site does not answer (\(reason)). If it has taken the change, that will hold "
        + "as soon as it does."
    )
  }

  /// Has both sites take a definition; `noting` is stored with it at this one.
  func change(
    _ vpg: VPGIdentifier,
    to new: VPGDefinition,
    noting: @escaping @Sendable (inout VPGRecord) -> Void = { _ in }
  ) async throws(SiteError) {
    let reply = try await context.peers.client(for: new.recoverySite).prepare(new)
    await keeper.setTargets(reply.targets)
    try await context.vpgs.update(vpg) {
      $0.definition = new
      noting(&$0)
    }
  }

  /// Carries a change out, and ends its task.
  private func ending(
    _ change: VPGRecord.Change,
    body: () async throws(SiteError) -> Void
  ) async throws(SiteError) {
    let vpg = change.before.identifier
    do throws(SiteError) { try await body() } catch {
      if Task.isCancelled { throw error }
      await context.events.record(
        .updateVPG,
        "The VPG \(change.before.name) was not changed: \(error.message)",
        succeeded: false,
        user: change.user,
        vpgs: [vpg]
      )
      await context.tasks.fail(change.task, reason: error.message)
      try? await forget(change, vpg)
      throw error
    }
    // The task first: what is forgotten before nobody ends after a restart.
    await context.tasks.succeed(change.task)
    try await forget(change, vpg)
  }

  /// Waits for what follows a change that both sites have.
  private func carryThrough(
    _ change: VPGRecord.Change,
    _ new: VPGDefinition
  ) async throws(SiteError) {
    if let failure = change.failure { throw .failed(failure) }
    guard new.generation == change.before.generation + 1 else { throw Self.isOvertaken(new) }
    try await waitForMoves(to: new, change)
    await waitForStreams(of: new, task: change.task)
    await context.events.record(
      .updateVPG,
      "The VPG \(new.name) was changed.",
      user: change.user,
      vpgs: [new.identifier]
    )
  }

  /// Its task has ended; those of earlier ones may not have.
  func forget(_ change: VPGRecord.Change, _ vpg: VPGIdentifier) async throws(SiteError) {
    let noted = await context.vpgs.record(vpg)?.changes ?? []
    guard noted.contains(where: { $0.task == change.task }) else { return }
    try await context.vpgs.update(vpg) { $0.changes.removeAll { $0.task == change.task } }
  }

  /// Protects a VPG's VMs with the disks they have now.
  ///
  /// The recovery site makes replicas first. Points before a VM's next sync keep the disks there
  /// were.
  func follow(_ vpg: VPGIdentifier) async throws(SiteError) {
    try await context.vpgs.beginChange(of: vpg)
    do throws(SiteError) { try await followAlone(vpg) } catch {
      await context.vpgs.endChange(of: vpg)
      throw error
    }
    await context.vpgs.endChange(of: vpg)
  }

  private func followAlone(_ vpg: VPGIdentifier) async throws(SiteError) {
    guard let record = await context.vpgs.record(vpg), record.phase == .protecting else { return }
    let old = record.definition
    var new = old
    new.generation = old.generation + 1
    new = try await checked(new, changing: old, followsDisks: true)
    // Whoever asked may not know yet that it was done.
    guard new.vms != old.vms else { return }
    try await change(vpg, to: new)
    await keeper.nudge()
    await context.events.record(
      .updateVPG,
      "The VPG \(new.name) protects its VMs with the disks they have now.",
      vpgs: [vpg]
    )
  }
}
