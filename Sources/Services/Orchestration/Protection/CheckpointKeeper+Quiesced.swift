// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

extension CheckpointKeeper {
  /// A checkpoint that was to be quiesced.
  struct QuiescedMark: Sendable {
    var checkpoint: Checkpoint
    /// Why the guests were not at rest for it, in words for an operator; empty if they were.
    var shortfall: String
  }

  /// Marks a checkpoint for which the guests' file systems are at rest; if they cannot be brought
  /// to it, an ordinary one.
  ///
  /// - Throws: A conflict that says which VM keeps even that from being made.
  func markQuiesced(_ record: VPGRecord, tag: String) async throws(SiteError) -> QuiescedMark {
    try await markQuiesced(record, tag: tag, over: try await senders(record))
  }

  func markQuiesced(
    _ record: VPGRecord,
    tag: String,
    over marked: Marked
  ) async throws(SiteError) -> QuiescedMark {
    let definition = record.definition
    let outcome = await freezer.quiesce(definition) { deadline in
      let checkpoint = Checkpoint(
        identifier: await self.nextIdentifier(of: definition),
        time: self.context.now(),
        tag: tag,
        isQuiesced: true
      )
      do throws(SiteError) {
        let reply = try await self.runner.run(
          checkpoint,
          over: marked.senders,
          resting: marked.resting,
          before: deadline
        )
        return reply.isMarked ? .marked(checkpoint) : .notMarked(reply.reason)
      } catch {
        return .notMarked(error.message)
      }
    }
    switch outcome {
    case .marked(let checkpoint): return QuiescedMark(checkpoint: checkpoint, shortfall: "")
    case .notMarked(let reason):
      return QuiescedMark(
        checkpoint: try await mark(record, tag: tag, over: marked),
        shortfall: reason
      )
    }
  }
}
