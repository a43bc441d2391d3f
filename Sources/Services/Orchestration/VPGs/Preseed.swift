// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel

// Disks that are at the recovery site before their VM is protected.

extension VPGDefinition.Preseed {
  /// The image's file: `path` is below the datastore, with or without the datastore's own folder,
  /// or after the datastore's name in brackets.
  ///
  /// Nil if it names none, or one that is elsewhere.
  func file(on datastore: Inventory.Datastore) -> String? {
    guard var path else { return nil }
    for beginning in ["[\(datastore.name)]", datastore.path + "/"] where path.hasPrefix(beginning) {
      path = String(path.dropFirst(beginning.count).drop { $0 == " " })
      break
    }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !["", ".", ".."].contains($0) }) else { return nil }
    return "\(datastore.path)/\(path)"
  }
}

extension DefinitionCheck {
  /// Whether a disk's image can be its replica, as far as the recovery site's inventory tells; the
  /// appliance looks at the file itself.
  mutating func checkPreseed(
    of volume: VPGDefinition.ProtectedVolume,
    in vm: VPGDefinition.ProtectedVM,
    _ inventory: Inventory
  ) {
    guard let preseed = volume.preseed else { return }
    let member = "\(Self.member(vm)).Volumes[\(volume.identifier)].Preseed"
    let place = definition.recoveryDatastore(of: volume, in: vm)
    if let named = preseed.datastore, named != place {
      return note(
        "\(member).DatastoreIdentifier",
        "the image becomes the replica where it is, so choose \(named) as the disk's recovery "
          + "datastore"
      )
    }
    guard let datastore = inventory.datastores.first(where: { $0.identifier == place }) else {
      return
    }
    guard let file = preseed.file(on: datastore) else {
      return note(
        "\(member).Path",
        "\(preseed.path ?? "it is missing and") names no file of the datastore \(datastore.name)"
      )
    }
    for machine in inventory.virtualMachines
    where machine.disks.contains(where: { $0.path == file }) {
      note("\(member).Path", "\(file) is a disk of the VM \(machine.name)")
    }
    let users = definition.vms.flatMap { other in
      other.volumes.filter { volume in
        volume.preseed?.file(on: datastore) == file
          && definition.recoveryDatastore(of: volume, in: other) == place
      }
    }
    if users.count > 1 { note("\(member).Path", "\(file) is to be the replica of several disks") }
  }

  /// The replica of a disk that is protected is there already; one that `moves` was an image once.
  mutating func checkPreseedChange(
    of volume: VPGDefinition.ProtectedVolume,
    from kept: VPGDefinition.ProtectedVolume,
    moves: Bool,
    _ member: String
  ) {
    guard volume.preseed != kept.preseed, !(moves && volume.preseed == nil) else { return }
    note(
      "\(member).Volumes[\(volume.identifier)].Preseed",
      "the disk is protected, so it has its replica; take the VM out of the VPG and add it again"
    )
  }
}
