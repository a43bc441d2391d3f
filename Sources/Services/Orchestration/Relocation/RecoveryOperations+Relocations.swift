// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import RecoveryModel
internal import Store

extension RecoveryOperations {
  package func relocate(
    _ choice: RelocationChoice,
    to machines: [VMIdentifier: HostIdentifier],
    staying: [VMIdentifier: String],
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    var parts: [RelocationWorkflow.Part] = []
    for record in await context.vpgs.all()
    where record.definition.recoverySite == context.site {
      let definition = record.definition
      let here = definition.vms.filter { vm in
        definition.recoveryHost(of: vm).flatMap(context.appliances.appliance)?.identifier
          == choice.appliance
      }
      let going = machines.filter { vm, _ in here.contains { $0.identifier == vm } }
      if !going.isEmpty {
        parts.append(.init(vpg: definition.identifier, name: definition.name, machines: going))
      }
      for vm in here {
        guard let reason = staying[vm.identifier] else { continue }
        let name = "\(vm.name) of \(definition.name)"
        parts.append(.init(vpg: definition.identifier, name: name, staysBecause: reason + "."))
      }
    }
    let job = StoredRelocation(
      workflow: RelocationWorkflow(identifier: UUID().uuidString.lowercased(), parts: parts),
      appliance: choice.appliance,
      user: user
    )
    return try await relocations.begin(
      job,
      refusal: "VMs are leaving the appliance \(choice.appliance) already; wait for that to end."
    )
  }
}

extension Site: RecoveryRelocating {
  package func relocationChoice(
    from appliance: ApplianceIdentifier
  ) async throws(SiteError) -> RelocationChoice {
    let plan = try await RelocationPlan(context)
    let targets = try await appliances().filter { $0.isRunning && $0.identifier != appliance }
      .map { RelocationChoice.Target(host: $0.host, hostName: $0.hostName, load: $0.recovery.vms) }
    var machines: [RelocationChoice.Machine] = []
    for record in await context.vpgs.all() where record.definition.recoverySite == context.site {
      let definition = record.definition
      for vm in definition.vms {
        guard
          definition.recoveryHost(of: vm).flatMap(context.appliances.appliance)?.identifier
            == appliance
        else { continue }
        var machine = RelocationChoice.Machine(vm: vm.identifier, name: vm.name, obstacles: [:])
        for target in targets {
          machine.obstacles[target.host] = plan.obstacle(
            of: vm.identifier,
            in: record,
            to: target.host
          )
        }
        // A VM of several VPGs goes with all of them.
        if let index = machines.firstIndex(where: { $0.vm == vm.identifier }) {
          machines[index].obstacles.merge(machine.obstacles) { first, _ in first }
        } else {
          machines.append(machine)
        }
      }
    }
    return RelocationChoice(appliance: appliance, machines: machines, targets: targets)
  }

  package func relocate(
    _ machines: [VMIdentifier: HostIdentifier]?,
    from appliance: ApplianceIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let choice = try await relocationChoice(from: appliance)
    if let machines {
      for (vm, host) in machines.sorted(by: { $0.key < $1.key }) {
        if let obstacle = choice.obstacle(of: vm, to: host) {
          throw .invalid("The VM \(vm) cannot be recovered on \(host): \(obstacle).")
        }
      }
      return try await recovery.relocate(choice, to: machines, staying: [:], user: user)
    }
    let all = choice.machines.map(\.vm)
    guard !all.isEmpty else { throw .invalid("The appliance \(appliance) recovers no VMs.") }
    let going = choice.spread(all)
    var staying: [VMIdentifier: String] = [:]
    for vm in all where going[vm] == nil { staying[vm] = choice.obstacle(of: vm) }
    guard !going.isEmpty else {
      let reasons = choice.machines.map { "\($0.name): \(choice.obstacle(of: $0.vm))" }
        .joined(separator: "; ")
      throw .conflict("No VM can leave the appliance \(appliance): \(reasons).")
    }
    return try await recovery.relocate(choice, to: going, staying: staying, user: user)
  }
}
