// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel

/// Makes a workflow of what was asked, or says why it cannot be.
struct RecoveryPlan {
  let definition: VPGDefinition
  /// The checkpoints there are, oldest first.
  let checkpoints: [Checkpoint]
  /// What VMs of the recovery site are called already.
  var takenNames: Set<String> = []

  func test(_ wish: VPGOperation.FailoverTest) throws(SiteError) -> RecoveryWorkflow {
    RecoveryWorkflow(
      identifier: Self.guid(),
      kind: .test,
      vpg: definition.identifier,
      checkpoint: try checkpoint(wish.checkpoint),
      machines: try machines(wish.vms, isTest: true),
      scripts: scripts
    )
  }

  func failover(_ wish: VPGOperation.Failover) throws(SiteError) -> RecoveryWorkflow {
    let machines = try machines(wish.vms, isTest: false)
    return RecoveryWorkflow(
      identifier: Self.guid(),
      kind: .failover(wish),
      vpg: definition.identifier,
      checkpoint: try checkpoint(wish.checkpoint),
      machines: machines,
      remainder: machines.count == definition.vms.count ? nil : VPGIdentifier(Self.guid()),
      scripts: scripts
    )
  }

  /// The checkpoint is the latest for now: a move makes its own once the VMs are off.
  func move(_ wish: VPGOperation.Move) throws(SiteError) -> RecoveryWorkflow {
    RecoveryWorkflow(
      identifier: Self.guid(),
      kind: .move(wish),
      vpg: definition.identifier,
      checkpoint: try checkpoint(nil),
      machines: try machines([], isTest: false),
      scripts: scripts
    )
  }

  /// Those of the VPG's scripts that name a command.
  private var scripts: [RecoveryWorkflow.Script] {
    [.preRecovery, .postRecovery].filter { definition.scripting[$0].command?.isEmpty == false }
  }

  func checkpoint(_ wish: CheckpointIdentifier?) throws(SiteError) -> Checkpoint {
    guard let latest = checkpoints.last else {
      throw .conflict(
        "The VPG \(definition.name) has no checkpoint yet: its first sync is not complete."
      )
    }
    guard let wish else { return latest }
    guard let found = checkpoints.first(where: { $0.identifier == wish }) else {
      throw .notFound("The VPG \(definition.name) has no checkpoint \(wish).")
    }
    return found
  }

  /// The VMs that are wished for; without a wish all.
  func chosen(_ wish: [VMIdentifier]) throws(SiteError) -> [VPGDefinition.ProtectedVM] {
    for vm in wish where !definition.vms.contains(where: { $0.identifier == vm }) {
      throw .notFound("The VPG \(definition.name) has no VM \(vm).")
    }
    let chosen = definition.vms.filter { wish.isEmpty || wish.contains($0.identifier) }
    guard !chosen.isEmpty else {
      throw .conflict("The VPG \(definition.name) has no VMs.")
    }
    return chosen
  }

  /// The VMs by boot group, in the groups' order; a group's delay comes after its last VM's guest
  /// has come up.
  private func machines(
    _ wish: [VMIdentifier],
    isTest: Bool
  ) throws(SiteError) -> [RecoveryWorkflow.Machine] {
    let chosen = try chosen(wish)
    let groups = definition.bootGroups
    func rank(_ vm: VPGDefinition.ProtectedVM) -> Int {
      let group = vm.bootGroup ?? VPGDefinition.BootGroup.default.identifier
      return groups.firstIndex { $0.identifier == group } ?? groups.count
    }
    let ordered = chosen.enumerated().sorted { a, b in
      (rank(a.element), a.offset) < (rank(b.element), b.offset)
    }.map(\.element)
    var taken = takenNames
    return ordered.enumerated().map { index, vm in
      let before = index == 0 ? rank(vm) : rank(ordered[index - 1])
      let delay =
        before != rank(vm) && groups.indices.contains(before) ? groups[before].delayInSeconds : 0
      return RecoveryWorkflow.Machine(
        vm: vm.identifier,
        stream: vm.stream,
        name: vm.name,
        uuid: Self.guid(),
        export: ExportIdentifier(Self.guid()),
        delayInSeconds: delay,
        beginsGroup: before != rank(vm) ? true : nil,
        setsAddresses: vm.nics.contains {
          let place = isTest ? $0.failoverTest : $0.failover
          return place.changesAddresses && place.replacesAddresses != false
        } ? true : nil,
        recoveredName: isTest ? nil : recoveredName(of: vm, &taken)
      )
    }
  }

  /// A name that no VM of the site has; nil is the protected VM's own.
  ///
  /// Within one site the protected VM keeps its name, and whoever fails over and back again gets
  /// the first name again. Elsewhere a VM of that name is one that was left there.
  private func recoveredName(
    of vm: VPGDefinition.ProtectedVM,
    _ taken: inout Set<String>
  ) -> String? {
    if !definition.isWithinOneSite, taken.insert(vm.name).inserted { return nil }
    let suffix = " - recovered"
    let plain = vm.name.hasSuffix(suffix) ? String(vm.name.dropLast(suffix.count)) : vm.name
    var name = plain
    var count = 0
    while !taken.insert(name).inserted {
      count += 1
      name = count == 1 ? plain + suffix : "\(plain)\(suffix) \(count)"
    }
    return name
  }

  private static func guid() -> String { UUID().uuidString.lowercased() }
}
