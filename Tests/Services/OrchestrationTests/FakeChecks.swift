// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Hypervisor
import Orchestration
import RecoveryModel

/// Says of VMs that they are well if the point they were started from is not after a limit.
actor FakeChecks: PointChecking {
  private let appliance: FakeAppliance
  private var limit = CheckpointIdentifier(.max)

  init(_ appliance: FakeAppliance) { self.appliance = appliance }

  /// Points up to this one pass.
  func setLimit(_ limit: CheckpointIdentifier) { self.limit = limit }

  func look(
    at vms: [VMIdentifier],
    for check: PointCheck,
    by hypervisor: any Hypervisor
  ) async -> CheckFinding {
    for vm in vms {
      guard (try? await hypervisor.virtualMachine(vm))?.power == .running else {
        return CheckFinding(hasPassed: false, words: "\(vm) does not run")
      }
    }
    let points = await appliance.exports().compactMap { export -> CheckpointIdentifier? in
      guard case .checkpoint(let point) = export.request.point else { return nil }
      return point
    }
    let hasPassed = !vms.isEmpty && !points.isEmpty && points.allSatisfy { $0 <= limit }
    return CheckFinding(hasPassed: hasPassed, words: "\(points)")
  }
}
