// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel
internal import Store

/// A recovery workflow as the store keeps it, with what its driver needs beside it.
struct StoredRecovery: Codable, Sendable, Equatable {
  var workflow: RecoveryWorkflow
  var user: String
  /// When the VMs were running, from which a commit policy's time counts.
  var restedAt: WallTime?
  /// The task that drives the workflow, or brought it to its rest.
  var task: TaskIdentifier?

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
