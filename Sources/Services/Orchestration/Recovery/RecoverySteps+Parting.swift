// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import Logging
internal import RecoveryModel
internal import Store

// A failover of some VMs: the others go into a VPG of their own first, so that what is recovered is
// a VPG as a whole.

extension RecoverySteps {
  /// Puts the VMs that are left out into a VPG of their own, at this site.
  ///
  /// The protected site follows when it is told of the failover, or comes back: only this site can
  /// be the first, because the other one's asking for a VPG with fewer VMs ends their journals.
  func part(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) {
    let vpg = definition.identifier
    // What the protected site asks for meanwhile waits, and is of an older definition then.
    await context.vpgs.beginPreparation(of: vpg)
    do throws(SiteError) { try await partAlone(workflow) } catch {
      await context.vpgs.endPreparation(of: vpg)
      throw error
    }
    await context.vpgs.endPreparation(of: vpg)
  }

  private func partAlone(_ workflow: RecoveryWorkflow) async throws(SiteError) {
    guard let remainder = workflow.remainder, let record = await context.vpgs.record(workflow.vpg)
    else { return }
    let definition = record.definition
    let streams = Set(workflow.machines.map(\.stream))
    // Done already, before a manager was killed.
    guard !streams.isSuperset(of: definition.streams) else { return }
    guard record.phase == .protecting, record.pending == nil else {
      throw .conflict("The VPG \(definition.name) is being changed; fail over after that.")
    }
    let inventory: Inventory
    do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    let (kept, left) = definition.parting(
      keeping: streams,
      others: remainder,
      named: VPGDefinition.nameOfRemainder(
        of: definition.name,
        taken: Array(await context.vpgs.allNames().values)
      ),
      replicas: try replicas(definition, inventory)
    )
    // A store that does not answer may have kept it: nobody is to go on as if it had not.
    while true {
      do throws(SiteError) {
        try await context.vpgs.part(kept.identifier, kept, [left])
        break
      } catch {
        context.logger.error("a VPG is not parted", metadata: ["reason": "\(error.message)"])
      }
      do { try await Task.sleep(for: RecoveryOperations.retryPause) } catch {
        throw .failed("The manager is stopping.")
      }
    }
    await context.peers.part([left], from: kept, at: kept.protectedSite)
    await tell(kept, left)
    // They keep the streams whichever VPG they know them by; it is for what they say of themselves.
    do throws(SiteError) {
      _ = try await RecoverySite(context: context, definition: left).keepJournals(inventory)
    } catch {
      context.logger.warning(
        "appliance not told of a new VPG",
        metadata: ["vpg": "\(left.name)", "reason": "\(error.message)"]
      )
    }
  }

  /// Where the replicas are, by stream and by the volume's number.
  private func replicas(
    _ definition: VPGDefinition,
    _ inventory: Inventory
  ) throws(SiteError) -> [StreamIdentifier: [Int: String]] {
    let site = RecoverySite(context: context, definition: definition)
    var paths: [StreamIdentifier: [Int: String]] = [:]
    for vm in definition.vms {
      let numbers = (vm.volumes + vm.formerVolumes).map(\.number).sorted()
      let volumes = try site.journalRequest(for: vm, inventory).volumes
      for (number, volume) in zip(numbers, volumes) {
        paths[vm.stream, default: [:]][number] = volume.replicaPath
      }
    }
    return paths
  }

  private func tell(_ kept: VPGDefinition, _ left: VPGDefinition) async {
    let names = left.vms.map(\.name).joined(separator: ", ")
    await context.events.record(
      .updateVPG,
      "Left out of the failover of the VPG \(kept.name): \(names). What is left out stays "
        + "protected, with its points in time, in a VPG of its own: \(left.name).",
      vpgs: [kept.identifier, left.identifier]
    )
  }

  /// The VPG of a recovery, and the one that VMs of it went to, as this site has them.
  func definitions(
    _ workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async -> [VPGDefinition] {
    guard let remainder = workflow.remainder,
      let left = await context.vpgs.record(remainder)?.definition
    else { return [definition] }
    return [definition, left]
  }
}
