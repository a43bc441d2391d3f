// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

// A change that sends journals or replicas to other datastores is over once they are there. The
// recovery appliances move them by themselves, whoever waits; a change that cannot be carried out
// to its end is taken back by another one.

extension ProtectedHalf {
  private static let moveInterval = Duration.seconds(1)

  /// Waits until journals and replicas are where the definition that a change made says.
  ///
  /// - Throws: Why they cannot get there. The VPG is as it was then, unless the reason says more.
  func waitForMoves(
    to new: VPGDefinition,
    _ change: VPGRecord.Change
  ) async throws(SiteError) {
    guard !new.hasPlaces(of: change.before) else { return }
    while let moves = try await moves(of: new) {
      if let failed = moves.first(where: { !$0.value.failure.isEmpty }) {
        try await moveBack(from: new, change, Self.words(failed, new))
      }
      await context.tasks.progress(change.task, Self.percent(moves.values))
      if moves.isEmpty { return }
      do { try await Task.sleep(for: Self.moveInterval) } catch {
        throw .failed("The manager is stopping.")
      }
    }
  }

  /// What is on the way at the recovery site; nil if it does not say so now.
  ///
  /// - Throws: If the VPG is not any more what was to be carried out.
  private func moves(
    of new: VPGDefinition
  ) async throws(SiteError) -> [StreamIdentifier: JournalStatus.Move]? {
    while !Task.isCancelled {
      guard let record = await context.vpgs.record(new.identifier), record.definition == new,
        ![.recovered, .deleting].contains(record.phase)
      else { throw Self.isOvertaken(new) }
      // It may be away, or in the middle of a failover: what it moves goes on meanwhile.
      if let peer = try? await context.peers.client(for: new.recoverySite),
        let reply = try? await peer.prepare(new)
      {
        return reply.moves ?? [:]
      }
      do { try await Task.sleep(for: Self.moveInterval) } catch { break }
    }
    throw .failed("The manager is stopping.")
  }

  static func isOvertaken(_ definition: VPGDefinition) -> SiteError {
    .failed(
      "The VPG \(definition.name) was changed, recovered or deleted before its journals and "
        + "replicas were moved."
    )
  }

  /// Always throws: the reason, and whether the VPG is as it was.
  private func moveBack(
    from new: VPGDefinition,
    _ change: VPGRecord.Change,
    _ reason: String
  ) async throws(SiteError) {
    let vpg = new.identifier
    let failure = "\(reason) The VPG is as it was."
    var back = change.before
    back.generation = new.generation + 1
    do throws(SiteError) {
      try await context.vpgs.beginChange(of: vpg)
      do throws(SiteError) {
        try await self.change(vpg, to: back) { record in
          record.note(change.task) { $0.failure = failure }
        }
      } catch {
        await context.vpgs.endChange(of: vpg)
        throw error
      }
      await context.vpgs.endChange(of: vpg)
    } catch {
      throw .failed(
        "\(reason) They are where they were, and the recovery site goes on trying, because the VPG "
          + "could not be set back: \(error.message)"
      )
    }
    await keeper.nudge()
    throw .failed(failure)
  }

  private static func words(
    _ failed: (key: StreamIdentifier, value: JournalStatus.Move),
    _ definition: VPGDefinition
  ) -> String {
    let vm = definition.vms.first { $0.stream == failed.key }?.name ?? "\(failed.key)"
    return "Journal and replicas of the VM \(vm) could not be moved: \(failed.value.failure)."
  }

  /// 0...99: those that are there already count for nothing, as there is nothing left of them.
  private static func percent(_ moves: some Collection<JournalStatus.Move>) -> Int {
    let total = moves.reduce(0.0) { $0 + Double($1.totalByteCount) }
    guard total > 0 else { return moves.isEmpty ? 99 : 0 }
    let copied = moves.reduce(0.0) { $0 + Double($1.copiedByteCount) }
    return Int(min(99, 99 * copied / total))
  }
}
