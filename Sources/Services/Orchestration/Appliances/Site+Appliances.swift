// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
package import RecoveryModel
internal import Store

extension Site: ApplianceManaging {
  package func installAppliance(
    on host: HostIdentifier,
    address: String?,
    group: String?,
    notes: [String],
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let hosts = try await inventory(of: context.site).hosts
    guard let found = hosts.first(where: { $0.identifier == host }) else {
      throw .notFound("The site has no host \(host).")
    }
    if let there = context.appliances.appliance(on: host) {
      throw .conflict(
        "The host \(found.name) has the appliance \(there.identifier) in service already."
      )
    }
    return try await context.tasks.run(.installVRA, user: user, hosts: [host]) {
      [context, keeper] task throws(SiteError) in
      let book = context.applianceBook
      let appliance = try await book.putIn(
        try await book.candidate(on: host, named: found.name, address: address),
        group: group
      )
      await context.appliances.look(at: appliance.identifier)
      await keeper.nudge()
      for note in notes { await context.tasks.note(task, note) }
      await context.events.record(
        .installVRA,
        "The appliance \(appliance.identifier) of the host \(found.name) was put into service.",
        user: user
      )
    }
  }

  package func changeAppliance(
    _ appliance: ApplianceIdentifier,
    group: String?,
    notes: [String],
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let settings = try inService(appliance)
    return try await context.tasks.run(.changeVRA, user: user) {
      [context] task throws(SiteError) in
      for note in notes { await context.tasks.note(task, note) }
      guard let group, group != settings.group else { return }
      try await context.applianceBook.setGroup(group, of: appliance)
      await context.events.record(
        .unknown,
        "The appliance \(appliance) was put into the group \(group).",
        user: user
      )
    }
  }

  package func removeAppliance(
    _ appliance: ApplianceIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let settings = try inService(appliance)
    try await refuseIfUsed(settings)
    return try await context.tasks.run(.uninstallVRA, user: user) {
      [self] _ throws(SiteError) in
      // Somebody may have been faster.
      try await refuseIfUsed(settings)
      try await context.applianceBook.takeOut(appliance)
      await context.events.record(
        .uninstallVRA,
        "The appliance \(appliance) was taken out of service. Its service goes on on its host "
          + "until it is stopped there.",
        user: user
      )
    }
  }

  package func upgradeAppliances(
    _ appliances: [ApplianceIdentifier],
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    for appliance in appliances { _ = try inService(appliance) }
    return try await context.tasks.run(.upgradeVRA, user: user) {
      [context] task throws(SiteError) in
      try await ApplianceUpgrade(context: context, task: task, user: user).run(appliances)
    }
  }

  private func inService(
    _ appliance: ApplianceIdentifier
  ) throws(SiteError) -> SiteSettings.Appliance {
    guard let settings = context.appliances.all.first(where: { $0.identifier == appliance }) else {
      throw .notFound("This site has no appliance \(appliance).")
    }
    return settings
  }

  private func refuseIfUsed(_ appliance: SiteSettings.Appliance) async throws(SiteError) {
    let uses = try await uses(of: appliance)
    guard uses.isEmpty else {
      throw .conflict(
        "The appliance \(appliance.identifier) is in use: " + uses.joined(separator: "; ") + "."
      )
    }
  }

  /// What would be without its appliance, in words.
  private func uses(
    of appliance: SiteSettings.Appliance
  ) async throws(SiteError) -> [String] {
    let machines = try await inventory(of: context.site).virtualMachines
    let here = Set(machines.filter { appliance.serves($0.host) }.map(\.identifier))
    var uses: [String] = []
    for record in await context.vpgs.all() where record.phase != .recovered {
      let definition = record.definition
      for vm in definition.vms {
        if definition.protectedSite == context.site, here.contains(vm.identifier) {
          uses.append("the VM \(vm.name) of the VPG \(definition.name) is protected by it")
        }
        if definition.recoverySite == context.site,
          definition.recoveryHost(of: vm).map(appliance.serves) ?? false
        {
          uses.append("the VM \(vm.name) of the VPG \(definition.name) is recovered by it")
        }
      }
    }
    guard uses.isEmpty else { return uses }
    // What no VPG explains any more, or not yet.
    let status = await context.appliances.look(at: appliance.identifier)
    let counts = [
      ("streams", status?.streams.count ?? 0), ("journals", status?.journals.count ?? 0),
      ("open points", status?.exports.count ?? 0),
    ]
    return counts.filter { $0.1 > 0 }.map { "it has \($0.1) \($0.0)" }
  }
}
