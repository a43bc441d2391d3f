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
    var definition = try await checked(definition)
    definition.generation = 1
    let vpg = definition.identifier
    guard await context.vpgs.record(vpg) == nil else {
      throw .invalid("There is a VPG \(vpg) already.")
    }
    try await context.vpgs.save(VPGRecord(definition: definition, phase: .creating))
    let sites = [definition.protectedSite, definition.recoverySite]
    do throws(SiteError) {
      return try await context.tasks.run(.createVPG, user: user, vpgs: [vpg], sites: sites) {
        [self] task throws(SiteError) in try await setUp(vpg, task: task, user: user)
      }
    } catch {
      try? await context.vpgs.remove(vpg)
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
        .drop(definition.identifier, keepsReplicas: false)
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
  private func waitForStreams(of definition: VPGDefinition, task: TaskIdentifier) async {
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

  // MARK: Changing

  func update(
    _ wish: VPGDefinition,
    of record: VPGRecord,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let old = record.definition
    guard record.phase == .protecting else {
      throw .conflict("The VPG \(old.name) cannot be changed now: it is \(record.phase).")
    }
    guard wish.protectedSite == old.protectedSite, wish.recoverySite == old.recoverySite else {
      throw .invalid("The sites of a VPG cannot be changed.")
    }
    var definition = wish
    definition.identifier = old.identifier
    for index in definition.vms.indices {
      let kept = old.vms.first { $0.identifier == definition.vms[index].identifier }
      definition.vms[index].stream = kept?.stream ?? StreamIdentifier("")
    }
    definition = try await checked(definition)
    definition.generation = old.generation + 1
    let (new, vpg) = (definition, old.identifier)
    return try await context.tasks.run(.updateVPG, user: user, vpgs: [vpg]) {
      [self] task throws(SiteError) in
      let reply = try await context.peers.client(for: new.recoverySite).prepare(new)
      await keeper.setTargets(reply.targets)
      try await context.vpgs.update(vpg) { $0.definition = new }
      await waitForStreams(of: new, task: task)
      await context.events.record(
        .updateVPG,
        "The VPG \(new.name) was changed.",
        user: user,
        vpgs: [vpg]
      )
    }
  }

  /// The definition, complete, if both sites can carry it out.
  private func checked(_ definition: VPGDefinition) async throws(SiteError) -> VPGDefinition {
    let others = await context.vpgs.all()
    try DefinitionCheck(definition: definition).checkItself(others: others)
    guard await context.peers.record(of: definition.recoverySite) != nil else {
      throw .invalid("The recovery site \(definition.recoverySite) is not paired with this one.")
    }
    let own: Inventory
    do { own = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    let complete = try DefinitionCheck(definition: definition)
      .completed(by: own, others: others, appliances: context.appliances)
    let peer = try await context.peers.client(for: definition.recoverySite)
    let hosts = try await peer.site().appliances.map(\.host)
    try DefinitionCheck(definition: complete)
      .checkRecovery(try await peer.inventory(), hostsWithAppliance: Set(hosts))
    return complete
  }

  // MARK: Deleting

  func delete(
    _ record: VPGRecord,
    keepsReplicas: Bool,
    force: Bool,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let vpg = record.definition.identifier
    guard [.protecting, .recovered].contains(record.phase) || force else {
      throw .conflict(
        "The VPG \(record.definition.name) cannot be deleted now: it is \(record.phase)."
      )
    }
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
          .drop(vpg, keepsReplicas: keepsReplicas || phaseBefore == .recovered)
      } catch {
        guard force else { throw error }
        context.logger.warning("peer not told", metadata: ["reason": "\(error.message)"])
      }
    } catch {
      if Task.isCancelled { throw error }
      try await context.vpgs.update(vpg) {
        $0.phase = phaseBefore
        $0.deletion = nil
      }
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
