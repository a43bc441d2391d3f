// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

/// Creating, changing and deleting the VPGs this site protects.
struct ProtectedHalf: Sendable {
  private static let releaseLimit = Duration.seconds(30)
  private static let setUpLimit = Duration.seconds(60)

  let context: SiteContext
  let keeper: ProtectionKeeper

  // MARK: Creating

  func create(
    _ definition: VPGDefinition,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let definition = try await recorded(definition)
    let vpg = definition.identifier
    let (one, other) = (definition.protectedSite, definition.recoverySite)
    let sites = one == other ? [one] : [one, other]
    do throws(SiteError) {
      return try await context.tasks.run(.createVPG, user: user, vpgs: [vpg], sites: sites) {
        [self] task throws(SiteError) in try await setUp(vpg, task: task, user: user)
      }
    } catch {
      try? await context.vpgs.remove(vpg)
      throw error
    }
  }

  /// Checks the definition of a VPG that is to be made, and records it.
  private func recorded(_ wish: VPGDefinition) async throws(SiteError) -> VPGDefinition {
    let vpg = wish.identifier
    try await context.vpgs.beginChange(of: vpg)
    do throws(SiteError) {
      guard await context.vpgs.record(vpg) == nil else {
        throw .invalid("There is a VPG \(vpg) already.")
      }
      var definition = try await checked(wish, changing: nil)
      definition.generation = 1
      try await context.vpgs.save(VPGRecord(definition: definition, phase: .creating))
      await context.vpgs.endChange(of: vpg)
      return definition
    } catch {
      await context.vpgs.endChange(of: vpg)
      throw error
    }
  }

  /// Sets a VPG up whose record is there; a VPG that cannot be set up leaves nothing behind.
  func setUp(_ vpg: VPGIdentifier, task: TaskIdentifier, user: String) async throws(SiteError) {
    guard let definition = await context.vpgs.record(vpg)?.definition else {
      throw .notFound("There is no VPG \(vpg).")
    }
    let name = definition.name
    do throws(SiteError) {
      let reply = try await context.peers.client(for: definition.recoverySite).prepare(definition)
      await keeper.setTargets(reply.targets)
      await context.tasks.progress(task, 30)
      try await context.vpgs.update(vpg) { $0.phase = .protecting }
    } catch {
      if Task.isCancelled { throw error }
      await undo(definition)
      await context.events.record(
        .createVPG,
        "The VPG \(name) was not created: \(error.message)",
        succeeded: false,
        user: user
      )
      throw error
    }
    await waitForStreams(of: definition, task: task)
    await context.events.record(
      .createVPG,
      "The VPG \(name) was created.",
      user: user,
      vpgs: [vpg]
    )
  }

  private func undo(_ definition: VPGDefinition) async {
    do throws(SiteError) {
      try await context.peers.client(for: definition.recoverySite)
        .drop(definition.identifier, keepsReplicas: false, force: true)
    } catch {
      context.logger.warning(
        "peer keeps its half of a VPG",
        metadata: ["vpg": "\(definition.name)", "reason": "\(error.message)"]
      )
    }
    do throws(SiteError) { try await context.vpgs.remove(definition.identifier) } catch {
      context.logger.error("VPG not removed", metadata: ["reason": "\(error.message)"])
    }
  }

  /// Waits until the appliance has every stream.
  ///
  /// One that it does not get shows in the VPG's status, and is tried for as long as the VPG
  /// exists.
  func waitForStreams(of definition: VPGDefinition, task: TaskIdentifier) async {
    let deadline = ContinuousClock.now + Self.setUpLimit
    await keeper.nudge()
    while ContinuousClock.now < deadline {
      var count = 0
      for vm in definition.vms where await context.appliances.stream(vm.stream) != nil {
        count += 1
      }
      if count == definition.vms.count { return }
      await context.tasks.progress(task, 30 + 69 * count / definition.vms.count)
      do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
    }
  }

  // MARK: Checking

  /// The definition, complete, if both sites can carry it out; the VPG was taken for the change.
  func checked(
    _ definition: VPGDefinition,
    changing old: VPGDefinition?,
    followsDisks: Bool = false
  ) async throws(SiteError) -> VPGDefinition {
    let others = await context.vpgs.all()
    var check = DefinitionCheck(definition)
    check.checkItself(others: others)
    let own: Inventory
    do { own = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    check.complete(
      by: own,
      others: others,
      appliances: context.appliances,
      changing: old,
      followsDisks: followsDisks
    )
    check.checkMechanism()
    if let old { check.checkChange(from: old) }
    do throws(SiteError) { try await checkRecovery(&check, changing: old) } catch {
      // What is known to be wrong is said, whether or not the other site can be asked.
      try check.finish()
      throw error
    }
    let complete = try check.finish()
    // All this took a while: others may have been made meanwhile, or be under way.
    try await context.vpgs.intend(complete) { others throws(SiteError) in
      var check = DefinitionCheck(complete)
      check.checkBeside(others, changing: old)
      try check.finish()
    }
    return complete
  }

  private func checkRecovery(
    _ check: inout DefinitionCheck,
    changing old: VPGDefinition?
  ) async throws(SiteError) {
    let site = check.definition.recoverySite
    guard !site.rawValue.isEmpty else { return }
    let isKnown = await context.peers.record(of: site) != nil
    guard isKnown || site == context.site else {
      return check.note(
        "Basic.RecoverySiteIdentifier",
        "the site \(site) is not paired with this one"
      )
    }
    let peer = try await context.peers.client(for: site)
    let hosts = try await peer.site().appliances.map(\.host)
    let inventory = try await peer.inventory()
    check.checkRecovery(inventory, hostsWithAppliance: Set(hosts))
    if let old { check.checkRelocation(from: old, inventory) }
    check.note(try await peer.problems(with: check.definition))
  }

  // MARK: Deleting

  func delete(
    _ record: VPGRecord,
    keepsReplicas: Bool,
    force: Bool,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let vpg = record.definition.identifier
    try await refuseDeletion(of: record, force: force)
    if !force { try await refuseIfNotDroppable(record.definition) }
    // Asking may have taken a while.
    guard let record = await context.vpgs.record(vpg) else {
      throw .notFound("There is no VPG \(vpg).")
    }
    try await refuseDeletion(of: record, force: force)
    let before = record.phase
    return try await context.tasks.run(.removeVPG, user: user, vpgs: [vpg]) {
      [self] task throws(SiteError) in
      try await tearDown(
        vpg,
        phaseBefore: before,
        keepsReplicas: keepsReplicas,
        force: force,
        user: user,
        task: task
      )
    }
  }

  private func refuseDeletion(of record: VPGRecord, force: Bool) async throws(SiteError) {
    // Force is for a site that is gone; one that is its own peer can end its recovery first.
    let canForce = force && !(record.definition.isWithinOneSite && record.phase.isLeaving)
    guard [.protecting, .recovered].contains(record.phase) || canForce else {
      throw .conflict(
        "The VPG \(record.definition.name) cannot be deleted now: it is \(record.phase)."
      )
    }
    guard await !context.vpgs.isChanging(record.definition.identifier) || force else {
      throw .conflict("The VPG \(record.definition.name) is being changed; delete it after that.")
    }
  }

  /// Asks the recovery site before anything is done: a deletion that it refuses must not have
  /// stopped the protection.
  private func refuseIfNotDroppable(_ definition: VPGDefinition) async throws(SiteError) {
    let peer = try await context.peers.client(for: definition.recoverySite)
    if let refusal = try await peer.dropRefusal(of: definition.identifier) {
      throw .conflict(refusal)
    }
  }

  /// Takes a VPG away at both sites.
  ///
  /// If that cannot be done, and is not forced, the VPG goes on as it was.
  func tearDown(
    _ vpg: VPGIdentifier,
    phaseBefore: VPGRecord.Phase,
    keepsReplicas: Bool,
    force: Bool,
    user: String,
    task: TaskIdentifier
  ) async throws(SiteError) {
    let definition = try await context.vpgs.update(vpg) {
      $0.phase = .deleting
      $0.deletion = .init(keepsReplicas: keepsReplicas, phaseBefore: phaseBefore)
    }.definition
    do throws(SiteError) {
      try await waitForRelease(of: definition, force: force)
      await context.tasks.progress(task, 50)
      do throws(SiteError) {
        // The replicas of a recovered VPG are disks in use.
        try await context.peers.client(for: definition.recoverySite)
          .drop(
            vpg,
            keepsReplicas: keepsReplicas || phaseBefore == .recovered,
            force: force
          )
      } catch {
        if case .conflict = error, definition.isWithinOneSite { throw error }
        guard force else { throw error }
        context.logger.warning("peer not told", metadata: ["reason": "\(error.message)"])
      }
    } catch {
      if Task.isCancelled { throw error }
      try await context.vpgs.update(vpg) {
        $0.phase = phaseBefore
        $0.deletion = nil
      }
      // The recovery site may have ended journals: it is asked anew for each.
      await keeper.forgetTargets(of: definition)
      await context.events.record(
        .removeVPG,
        "The VPG \(definition.name) was not deleted: \(error.message)",
        succeeded: false,
        user: user,
        vpgs: [vpg]
      )
      throw error
    }
    try await context.vpgs.remove(vpg)
    await context.events.record(
      .removeVPG,
      "The VPG \(definition.name) was deleted.",
      user: user,
      vpgs: [vpg]
    )
  }

  private func waitForRelease(
    of definition: VPGDefinition,
    force: Bool
  ) async throws(SiteError) {
    let deadline = ContinuousClock.now + Self.releaseLimit
    let streams = definition.vms.map(\.stream)
    await keeper.nudge()
    while await !keeper.isReleased(streams) {
      if ContinuousClock.now >= deadline {
        if force { return }
        throw .unreachable(
          "The VMs of the VPG \(definition.name) could not be released: the hypervisor or the "
            + "appliance does not answer."
        )
      }
      do { try await Task.sleep(for: .milliseconds(100)) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }
}
