// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// VMs on their way to other recovery hosts, with what their driver needs beside that.
struct StoredRelocation: DurableJob {
  static let words = DurableJobWords(
    kind: "relocation",
    name: "change of recovery hosts",
    task: .relocate,
    abortTask: .relocate,
    event: .relocate
  )

  var workflow: RelocationWorkflow
  /// The appliance the VMs leave.
  var appliance: ApplianceIdentifier
  var course: DurableJobCourse

  init(workflow: RelocationWorkflow, appliance: ApplianceIdentifier, user: String) {
    self.workflow = workflow
    self.appliance = appliance
    course = DurableJobCourse(user: user)
  }

  var identifier: String { workflow.identifier }
  var vpg: VPGIdentifier { workflow.parts.first?.vpg ?? VPGIdentifier("") }
  var subject: ApplianceIdentifier { appliance }
  var isOver: Bool { workflow.isOver }
  var isAborted: Bool { false }
  var progress: Int { workflow.progress }

  var failure: String {
    let stayed = workflow.stayed
    guard !stayed.isEmpty else { return "" }
    return "Not everything left the appliance \(appliance): "
      + stayed.map { "\($0.name): \($0.reason)" }.joined(separator: " ")
  }

  var summary: String {
    guard failure.isEmpty else { return failure }
    let names = workflow.parts.map(\.name).joined(separator: ", ")
    return "Other hosts than that of the appliance \(appliance) recover VMs of: \(names)."
  }

  /// Each VPG is changed whole or not at all, so there is nothing to undo.
  mutating func abort() -> Bool { false }
}

typealias Relocations = DurableJobs<StoredRelocation>
