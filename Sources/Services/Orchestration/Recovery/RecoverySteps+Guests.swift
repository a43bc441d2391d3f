// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Hypervisor
internal import RecoveryModel
internal import Store

// MARK: Inside recovered guests

extension RecoverySteps {
  private static let pause = Duration.milliseconds(500)

  /// Waits for the guests of the boot group before a machine's, those that have an agent.
  func awaitGuests(
    before machine: Int,
    _ workflow: RecoveryWorkflow
  ) async throws(SiteError) -> Findings {
    let group = workflow.groupBefore(machine)
    var findings = Findings(
      subject: workflow.machines[group].map(\.name).joined(separator: ", ")
    )
    let names = try await silentGuests(of: group, workflow)
    if names.isEmpty {
      findings.successes.append(
        "Every guest that has an agent had come up, and its agent answered, before the next boot "
          + "group was started."
      )
    } else {
      findings.shortfalls.append(
        "No guest agent answered within \(context.settings.guestBootInSeconds) seconds in "
          + "\(names.joined(separator: ", ")); the next boot group is started all the same."
      )
    }
    return findings
  }

  /// The names of those machines whose guest does not answer in time.
  func silentGuests(
    of machines: Range<Int>,
    _ workflow: RecoveryWorkflow
  ) async throws(SiteError) -> [String] {
    var silent = workflow.machines[machines].filter { $0.recovered != nil }
    let deadline = ContinuousClock.now + .seconds(context.settings.guestBootInSeconds)
    while true {
      var left: [RecoveryWorkflow.Machine] = []
      for machine in silent {
        if let vm = machine.recovered, try await mayStillComeUp(vm) { left.append(machine) }
      }
      silent = left
      guard !silent.isEmpty, ContinuousClock.now < deadline else { return silent.map(\.name) }
      do { try await Task.sleep(for: Self.pause) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  /// Whether a VM has an agent that does not answer yet.
  private func mayStillComeUp(_ vm: VMIdentifier) async throws(SiteError) -> Bool {
    do {
      guard let found = try await context.hypervisor.virtualMachine(vm),
        found.hardware.hasGuestAgent, found.power != .off
      else { return false }
      return try await !context.hypervisor.isAgentAnswering(in: vm)
    } catch { throw SiteError(error) }
  }

  /// Tells what did not come true inside guests; the recovery goes on.
  func report(_ findings: Findings, _ workflow: RecoveryWorkflow) async -> Outcome {
    for words in findings.shortfalls {
      await context.events.record(
        workflow.kind == .test ? .failoverTest : .failover,
        words,
        succeeded: false,
        vpgs: [workflow.vpg]
      )
    }
    return .found(findings)
  }
}

extension RecoveryWorkflow.Machine {
  /// The MAC address of a card after the recovery.
  ///
  /// `isWithinOneSite` has every card take a new one: the protected VM's are on the same networks.
  func macAddress(
    ofCard index: Int,
    _ old: String,
    _ place: VPGDefinition.NICRecovery,
    isWithinOneSite: Bool
  ) -> String {
    place.replacesMACAddress || isWithinOneSite ? newMACAddress(ofCard: index) : old
  }
}
