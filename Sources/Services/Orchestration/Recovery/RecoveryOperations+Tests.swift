// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Store

// What a test is not stopped for, and why a request does not fit.

extension RecoveryOperations {
  /// Refuses to stop a test for VMs that do not take part in it.
  func refuseLeaving(_ vms: [VMIdentifier], _ definition: VPGDefinition) throws(SiteError) {
    // Without a test the request itself is refused.
    guard let workflow = active[definition.identifier]?.workflow, workflow.kind == .test else {
      return
    }
    let test = "The failover test of the VPG \(definition.name)"
    for vm in vms {
      guard let machine = workflow.machines.first(where: { $0.vm == vm }) else {
        throw .notFound("\(test) has no VM \(vm).")
      }
      guard machine.leave == nil else {
        throw .conflict("\(test) was stopped for \(machine.name) before.")
      }
    }
  }

  /// Why a request does not fit what the VPG's recovery is at.
  func refusal(
    of request: RecoveryWorkflow.Request,
    _ definition: VPGDefinition
  ) -> SiteError {
    if let workflow = active[definition.identifier]?.workflow, workflow.stage == .leaving {
      let vms = workflow.machines.filter { $0.leave == .underWay }.map(\.name)
      return .conflict(
        "The failover test of the VPG \(definition.name) is being stopped for "
          + "\(vms.joined(separator: ", ")); try again once that has ended."
      )
    }
    return .conflict("The VPG \(definition.name) has no \(request.subject).")
  }
}
