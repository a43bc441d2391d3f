// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Hypervisor
package import RecoveryModel
package import Store

// How copies to repositories, and restores of them, get on with recoveries.

extension RecoveryOperations {
  package func isRetaining(_ vpg: VPGIdentifier) async -> Bool { await retentions.isActive(vpg) }

  /// A point is read for as long as it is copied, so the VPG must be one that is being protected.
  func retain(
    _ checkpoint: CheckpointIdentifier?,
    _ record: VPGRecord,
    user: String,
    as identifier: RetentionSetIdentifier = RetentionSetIdentifier(newGUID()),
    until expires: WallTime? = nil
  ) async throws(SiteError) -> TaskIdentifier {
    let definition = record.definition
    try await retentions.refuseIfActive(definition.identifier, definition.name)
    if active[definition.identifier]?.workflow.kind != .test { try refuseIfBusy(definition) }
    let plan = try await plan(of: record)
    let point = try plan.checkpoint(checkpoint)
    let repositories = try await RepositoryBook(context: context).all()
    let wanted = definition.retention.flatMap { $0.isEnabled ? $0.repository : nil }
    let repository = repositories.first { repository in
      wanted.map { $0 == repository.identifier } ?? repository.isDefault
    }
    guard let repository else {
      throw .conflict(
        wanted.map { "This site has no repository \($0)." }
          ?? "This site has no repository: add one first."
      )
    }
    let workflow = RetentionWorkflow(
      identifier: identifier,
      vpg: definition.identifier,
      repository: repository.identifier,
      checkpoint: point,
      expires: expires,
      machines: try definition.vms.map { vm throws(SiteError) in
        RetentionWorkflow.Machine(
          stream: vm.stream,
          export: ExportIdentifier(newGUID()),
          host: try RecoverySite(context: context, definition: definition).host(of: vm),
          disks: vm.volumes.map { volume in
            RetentionWorkflow.Disk(
              volume: volume.identifier,
              target: volume.target,
              byteCount: volume.byteCount,
              copy: CopyIdentifier("\(volume.target)-\(newGUID())")
            )
          }
        )
      },
      hasScript: definition.scripting.postBackup?.command?.isEmpty == false
    )
    return try await retentions.begin(
      StoredRetention(workflow: workflow, vpgName: definition.name, user: user),
      refusal: Retentions.isBusy(definition.name)
    )
  }

  package func retain(
    as set: RetentionSetIdentifier,
    until expires: WallTime,
    _ record: VPGRecord
  ) async throws(SiteError) {
    _ = try await retain(nil, record, user: "System", as: set, until: expires)
  }

  package func restore(
    _ wish: RestoreWish,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    let sets = try await RepositoryBook(context: context).sets()
    guard let set = sets.first(where: { $0.identifier == wish.set && !$0.isDoomed }) else {
      throw .notFound("There is no retention set \(wish.set).")
    }
    let inventory: Inventory
    do { inventory = try await context.hypervisor.inventory() } catch { throw SiteError(error) }
    let workflow = try RestoreWorkflow(wish, of: set, inventory)
    return try await restores.begin(
      StoredRestore(workflow: workflow, user: user),
      refusal: "This restore is under way."
    )
  }

  package func abortRestore(
    _ task: TaskIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier {
    guard let restore = await restores.active().first(where: { $0.course.task == task }) else {
      throw .notFound("No restore is under way in the task \(task).")
    }
    return try await restores.abort(
      restore.subject,
      because: "The restore was aborted by \(user).",
      user: user,
      refusal: "The restore cannot be aborted any more."
    )
  }

  package func endRetaining(
    _ vpg: VPGIdentifier,
    because reason: String
  ) async throws(SiteError) {
    try await retentions.end(vpg, because: reason, within: .seconds(60))
  }

  package func refuseIfRetaining(in repository: RepositoryIdentifier) async throws(SiteError) {
    let copies = await retentions.active().map(\.workflow.repository)
    let reads = await restores.active().map(\.workflow.repository)
    guard !(copies + reads).contains(repository) else {
      throw .conflict("The repository is in use by a copy or a restore: wait for its end.")
    }
  }
}
