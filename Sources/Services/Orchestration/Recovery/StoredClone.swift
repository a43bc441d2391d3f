// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel
internal import Store

/// A clone's workflow as the store keeps it, with what its driver needs beside it.
struct StoredClone: Codable, Sendable, Equatable {
  /// What sets it apart from recoveries in the store.
  static let kind = "clone"

  var workflow: CloneWorkflow
  var user: String
  /// The task that drives the workflow.
  var task: TaskIdentifier?
  /// Why the clone was aborted; nil if it was not.
  var abortReason: String?
  /// The task of the person who aborted it.
  var abortTask: TaskIdentifier?

  init(workflow: CloneWorkflow, user: String) {
    self.workflow = workflow
    self.user = user
  }

  init(_ record: WorkflowRecord) throws(SiteError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(record.state.utf8))
    } catch {
      throw .failed("The stored clone \(record.identifier) cannot be read: \(error).")
    }
  }

  func record() throws(SiteError) -> WorkflowRecord {
    do {
      return WorkflowRecord(
        identifier: workflow.identifier,
        vpg: workflow.vpg,
        kind: Self.kind,
        state: String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
      )
    } catch {
      throw .failed("The clone cannot be stored: \(error).")
    }
  }
}
