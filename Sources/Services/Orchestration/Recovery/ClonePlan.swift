// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
internal import RecoveryModel

extension RecoveryPlan {
  /// New VMs, named after the protected ones and the checkpoint, on disks of their own.
  func clone(
    _ wish: VPGOperation.Clone,
    _ inventory: Inventory
  ) throws(SiteError) -> CloneWorkflow {
    let checkpoint = try checkpoint(wish.checkpoint)
    var names = Set(inventory.virtualMachines.map(\.name))
    var machines: [CloneWorkflow.Machine] = []
    for vm in try chosen(wish.vms) {
      let name = Self.newName(for: vm.name, as: checkpoint.time, besides: names)
      names.insert(name)
      let uuid = newGUID()
      machines.append(
        CloneWorkflow.Machine(
          stream: vm.stream,
          name: name,
          uuid: uuid,
          export: ExportIdentifier(newGUID()),
          disks: try disks(of: vm, named: name, uuid: uuid, wish.datastore, inventory)
        )
      )
    }
    return CloneWorkflow(
      identifier: newGUID(),
      vpg: definition.identifier,
      checkpoint: checkpoint,
      machines: machines
    )
  }

  private func disks(
    of vm: VPGDefinition.ProtectedVM,
    named name: String,
    uuid: String,
    _ wish: DatastoreIdentifier?,
    _ inventory: Inventory
  ) throws(SiteError) -> [CloneWorkflow.Disk] {
    var disks: [CloneWorkflow.Disk] = []
    for volume in vm.volumes {
      let wanted = wish ?? definition.recoveryDatastore(of: volume, in: vm)
      guard let datastore = inventory.datastores.first(where: { $0.identifier == wanted }) else {
        throw .notFound("The recovery site has no datastore \(wanted?.rawValue ?? "to clone to").")
      }
      disks.append(
        CloneWorkflow.Disk(
          volume: volume.identifier,
          target: volume.target,
          copy: CopyIdentifier("\(volume.target)-\(uuid)"),
          datastore: datastore.identifier,
          folder: "\(datastore.path)/\(name.replacing("/", with: "_"))"
        )
      )
    }
    return disks
  }

  /// `web1-2026-11-24T00-41-33Z`, with a number if that name is taken; file systems and shells
  /// take it as it is.
  static func newName(
    for name: String,
    as time: WallTime,
    besides taken: Set<String>
  ) -> String {
    let date = Date(timeIntervalSince1970: Double(time.milliseconds / 1000))
    let base = "\(name)-\(date.formatted(.iso8601).replacing(":", with: "-"))"
    guard taken.contains(base) else { return base }
    var number = 2
    while taken.contains("\(base)-\(number)") { number += 1 }
    return "\(base)-\(number)"
  }
}
