// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

/// Tells recovery sites what the VMs of this site are beside their disks, whenever that is another
/// than it was.
///
/// Nothing of it is written down here: a manager that was started anew tells it once more.
actor BlueprintKeeper {
  private static let interval = Duration.seconds(15)

  private let context: SiteContext
  /// What each VM's recovery site has taken.
  private var sent: [StreamIdentifier: VMBlueprint] = [:]
  /// Why a VM's could not be read or sent; said once.
  private var faults: [StreamIdentifier: String] = [:]

  init(context: SiteContext) { self.context = context }

  /// Runs until the task is cancelled.
  func run() async {
    while !Task.isCancelled {
      await look()
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  private func look() async {
    var streams: Set<StreamIdentifier> = []
    for record in await context.vpgs.all()
    where record.definition.protectedSite == context.site && record.phase == .protecting {
      for vm in record.definition.vms {
        streams.insert(vm.stream)
        await note(vm) { () async throws(SiteError) in try await self.send(vm, record.definition) }
      }
    }
    sent = sent.filter { streams.contains($0.key) }
    faults = faults.filter { streams.contains($0.key) }
  }

  private func note(
    _ vm: VPGDefinition.ProtectedVM,
    _ body: () async throws(SiteError) -> Void
  ) async {
    do throws(SiteError) {
      try await body()
      faults[vm.stream] = nil
    } catch {
      guard faults[vm.stream] != error.message, !Task.isCancelled else { return }
      faults[vm.stream] = error.message
      context.logger.warning(
        "the recovery site does not have a VM's description as it is now",
        metadata: ["vm": "\(vm.name)", "reason": "\(error.message)"]
      )
    }
  }

  /// Sends what is not known at the recovery site of a VPG's VMs.
  func send(_ definition: VPGDefinition) async throws(SiteError) {
    for vm in definition.vms { try await send(vm, definition) }
  }

  private func send(
    _ vm: VPGDefinition.ProtectedVM,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    let blueprint: VMBlueprint
    do { blueprint = try await context.hypervisor.blueprint(of: vm.identifier) } catch {
      throw SiteError(error)
    }
    guard sent[vm.stream] != blueprint else { return }
    try await context.peers.client(for: definition.recoverySite).keep(
      BlueprintRequest(stream: vm.stream, blueprint: blueprint),
      in: definition.identifier
    )
    sent[vm.stream] = blueprint
  }
}
