// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
internal import Logging
package import RecoveryModel
internal import Store

/// Reading files of VMs as they were at a checkpoint, at the site that keeps their journals.
package protocol FileRestoring: Sendable {
  /// Begins a session, which mounts after the answer.
  func openFiles(
    of vm: VMIdentifier,
    in vpg: VPGIdentifier,
    at checkpoint: CheckpointIdentifier,
    user: String
  ) async throws(SiteError) -> FileSessionView
  /// The sessions at the appliances that answer, by identifier.
  func fileSessions() async throws(SiteError) -> [FileSessionView]
  func listFiles(
    _ session: String,
    _ request: FileListRequest
  ) async throws(SiteError) -> FileListReply
  /// A file's bytes, or a folder's as a tar archive.
  func fileContent(_ session: String, path: String) async throws(SiteError) -> ControlContent
  /// Begins to compare the files of a session with those of `before`, another one of the VM.
  func compareFiles(
    _ session: String,
    before: String,
    folder: String
  ) async throws(SiteError)
  /// The comparison of a session that was begun last, as far as it is.
  func fileComparison(
    _ session: String,
    _ page: FileComparisonPage
  ) async throws(SiteError) -> FileComparisonReply
  func closeFiles(_ session: String, user: String) async throws(SiteError)
}

/// A session in which files of a VM are read.
package struct FileSessionView: Sendable, Equatable {
  package var status: FileSessionStatus
  /// nil if no VPG has the stream any more.
  package var vpg: VPGIdentifier?
  package var vm: VMIdentifier?

  package init(status: FileSessionStatus, vpg: VPGIdentifier?, vm: VMIdentifier?) {
    self.status = status
    self.vpg = vpg
    self.vm = vm
  }
}

/// The manager keeps nothing of a session: the appliance that has it records and ends it.
extension Site: FileRestoring {
  package func openFiles(
    of vm: VMIdentifier,
    in vpg: VPGIdentifier,
    at checkpoint: CheckpointIdentifier,
    user: String
  ) async throws(SiteError) -> FileSessionView {
    guard let definition = await context.vpgs.record(vpg)?.definition else {
      throw .notFound("There is no VPG \(vpg).")
    }
    guard definition.recoverySite == context.site else {
      throw .conflict(
        "Files of the VPG \(definition.name) are read at its recovery site: ask the manager there."
      )
    }
    guard let found = definition.vms.first(where: { $0.identifier == vm }) else {
      throw .notFound("The VPG \(definition.name) has no VM \(vm).")
    }
    let appliance = try RecoverySite(context: context, definition: definition).appliance(of: found)
    let status = try await appliance.openFiles(
      ExportIdentifier(fileSession: newGUID()),
      FileSessionRequest(stream: found.stream, point: .checkpoint(checkpoint))
    )
    await context.events.record(
      .mountFiles,
      "Files of the VM \(found.name) as of the checkpoint \(checkpoint) can be read in the session "
        + "\(status.identifier).",
      user: user,
      vpgs: [vpg]
    )
    return FileSessionView(status: status, vpg: vpg, vm: vm)
  }

  package func fileSessions() async throws(SiteError) -> [FileSessionView] {
    try await sessions().map(\.view)
  }

  package func listFiles(
    _ session: String,
    _ request: FileListRequest
  ) async throws(SiteError) -> FileListReply {
    let found = try await known(session)
    return try await found.appliance.listFiles(found.view.status.identifier, request)
  }

  package func fileContent(
    _ session: String,
    path: String
  ) async throws(SiteError) -> ControlContent {
    let found = try await known(session)
    return try await found.appliance.fileContent(found.view.status.identifier, path: path)
  }

  package func compareFiles(
    _ session: String,
    before: String,
    folder: String
  ) async throws(SiteError) {
    let later = try await known(session)
    let earlier = try await known(before)
    guard earlier.view.status.request.stream == later.view.status.request.stream else {
      throw .invalid("The sessions \(before) and \(session) are not of one VM.")
    }
    try await later.appliance.compareFiles(
      later.view.status.identifier,
      FileComparisonRequest(before: earlier.view.status.identifier, folder: folder)
    )
  }

  package func fileComparison(
    _ session: String,
    _ page: FileComparisonPage
  ) async throws(SiteError) -> FileComparisonReply {
    let found = try await known(session)
    return try await found.appliance.fileComparison(found.view.status.identifier, page)
  }

  package func closeFiles(_ session: String, user: String) async throws(SiteError) {
    let found = try await known(session)
    try await found.appliance.closeFiles(found.view.status.identifier)
    await context.events.record(
      .unmountFiles,
      "The session \(session), in which a VM's files were read, was ended.",
      user: user,
      vpgs: found.view.vpg.map { [$0] } ?? []
    )
  }

  private func known(
    _ session: String
  ) async throws(SiteError) -> (appliance: any ApplianceControl, view: FileSessionView) {
    let all = try await sessions()
    guard let found = all.first(where: { $0.view.status.identifier.rawValue == session }) else {
      throw .notFound("There is no file-level restore session \(session).")
    }
    return found
  }

  private func sessions() async throws(SiteError) -> [(
    appliance: any ApplianceControl, view: FileSessionView
  )] {
    let definitions = await context.vpgs.all().map(\.definition)
    var found: [(appliance: any ApplianceControl, view: FileSessionView)] = []
    for settings in context.appliances.all {
      let appliance = try context.appliances.client(for: settings.identifier)
      let statuses: [FileSessionStatus]
      do throws(SiteError) { statuses = try await appliance.fileSessions() } catch {
        // Its sessions are not known, and those of the others can be used.
        context.logger.warning(
          "sessions for files are not known",
          metadata: ["appliance": "\(settings.identifier)", "reason": "\(error.message)"]
        )
        continue
      }
      for status in statuses {
        let vpg = definitions.first { $0.vms.contains { $0.stream == status.request.stream } }
        let vm = vpg?.vms.first { $0.stream == status.request.stream }
        let view = FileSessionView(status: status, vpg: vpg?.identifier, vm: vm?.identifier)
        found.append((appliance, view))
      }
    }
    return found.sorted { $0.view.status.identifier < $1.view.status.identifier }
  }
}
