// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

// What a manager says to the appliances of its own site: HTTP and JSON over mutual TLS.
// The paths are in ``ApplianceRoutes``. Every request states a wish, not a step: sent again, it
// finds itself fulfilled.

/// The paths of an appliance's control port.
package enum ApplianceRoutes {
  /// GET: ``ApplianceStatus``.
  package static let status = "/v1/status"
  /// POST: the worker lets go of everything in order and ends; its supervisor starts the installed
  /// program anew.
  package static let restart = "/v1/restart"
  /// PUT: ``TrustRequest``.
  package static let trust = "/v1/trust"
  /// PUT: ``BandwidthRequest``.
  package static let bandwidth = "/v1/bandwidth"
  /// PUT ``ProtectRequest`` gives ``ProtectReply``; DELETE ends the stream.
  package static func stream(_ stream: StreamIdentifier) -> String { "/v1/streams/\(stream)" }
  /// POST: ``SyncRequest``.
  package static func sync(_ stream: StreamIdentifier) -> String { "/v1/streams/\(stream)/sync" }
  /// POST ``BeginSyncRequest`` gives ``BeginSyncReply``.
  package static func beginSync(_ stream: StreamIdentifier) -> String {
    "/v1/streams/\(stream)/sync/begin"
  }
  /// POST ``MarkRequest`` gives ``MarkReply``.
  package static let checkpoints = "/v1/checkpoints"
  /// POST ``HoldRequest`` gives ``MarkReply``: whether the streams are held.
  package static let holds = "/v1/holds"
  /// POST ``ReleaseRequest`` gives ``MarkReply``: whether the streams have the mark.
  package static let releases = "/v1/releases"
  /// PUT: ``JournalRequest``; DELETE with `?keepReplica=true|false` ends the journal.
  package static func journal(_ stream: StreamIdentifier) -> String { "/v1/journals/\(stream)" }
  /// POST: ``AcceptRequest``.
  package static func accept(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/accept"
  }
  /// POST: the journal is closed, and left to the appliance that takes it over.
  package static func handOver(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/hand-over"
  }
  /// POST: ``JournalRequest`` of a journal that another appliance handed over.
  package static func takeOver(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/take-over"
  }
  /// POST: ``PromoteRequest``.
  package static func promote(_ stream: StreamIdentifier) -> String {
    "/v1/journals/\(stream)/promote"
  }
  /// GET with `?stream=`: ``[Checkpoint]`` durable in that stream's journal, oldest first.
  package static let journalCheckpoints = "/v1/journal-checkpoints"
  /// GET: ``[ExportStatus]``, by export.
  package static let exports = "/v1/exports"
  /// PUT ``ExportRequest`` gives ``ExportReply``; DELETE closes it and deletes its overlays.
  package static func export(_ export: ExportIdentifier) -> String { "/v1/exports/\(export)" }
  /// GET: bytes of each disk of the export that are not known to be zero, by volume.
  package static func exportAdoption(_ export: ExportIdentifier) -> String {
    Self.export(export) + "/adoption"
  }
  package static func exportData(_ export: ExportIdentifier) -> String {
    "/v1/exports/\(export)/data"
  }
  /// PUT ``CopyRequest`` gives ``CopyReply``; DELETE with `?folder=` ends it and deletes its file.
  package static func copy(_ copy: CopyIdentifier) -> String { "/v1/copies/\(copy)" }
}
