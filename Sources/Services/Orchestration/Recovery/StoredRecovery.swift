// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel
internal import Store

extension RecoveryWorkflow {
  /// What it has started so far.
  var recovered: VPGRecord.Recovered {
    var vms: [VMIdentifier: VMIdentifier] = [:]
    for machine in machines { vms[machine.vm] = machine.recovered }
    return VPGRecord.Recovered(checkpoint: checkpoint, vms: vms)
  }
}

/// A recovery workflow as the store keeps it, with what its driver needs beside it.
struct StoredRecovery: Codable, Sendable, Equatable {
  var workflow: RecoveryWorkflow
  var user: String
  /// When the VMs were running, from which a commit policy's time counts.
  var restedAt: WallTime?
  /// The task that drives the workflow, or brought it to its rest.
  var task: TaskIdentifier?
  // For the report; all are missing in recoveries that an older release began.
  var began: WallTime?
  var startedBy: String?
  var steps: [RecoveryReport.Step]?
  var requests: [RecoveryReport.Request]?
  var verifications: [RecoveryReport.Verification]?
  /// What did not come true inside recovered guests, in words for an operator.
  var shortfalls: [String]?
  /// What the person who stopped a test said of it.
  var notes: String?
  var wasTestSuccessful: Bool?

  init(workflow: RecoveryWorkflow, user: String) {
    self.workflow = workflow
    self.user = user
  }

  init(_ record: WorkflowRecord) throws(SiteError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(record.state.utf8))
    } catch {
      throw .failed("The stored recovery operation \(record.identifier) cannot be read: \(error).")
    }
  }

  /// Notes a step; one that is tried again and again until it is done is noted once.
  mutating func note(_ step: RecoveryReport.Step) {
    guard var all = steps else { return }
    if let last = all.last, last.description == step.description, !last.failure.isEmpty {
      var step = step
      step.began = last.began
      all[all.count - 1] = step
    } else {
      all.append(step)
    }
    steps = all
  }

  /// Notes what a person, or a commit policy, wants.
  mutating func note(_ description: String, by user: String, at time: WallTime) {
    let request = RecoveryReport.Request(description: description, user: user, time: time)
    requests = (requests ?? []) + [request]
  }

  func record() throws(SiteError) -> WorkflowRecord {
    do {
      return WorkflowRecord(
        identifier: workflow.identifier,
        vpg: workflow.vpg,
        kind: workflow.kind.name,
        state: String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
      )
    } catch {
      throw .failed("The recovery operation cannot be stored: \(error).")
    }
  }
}
