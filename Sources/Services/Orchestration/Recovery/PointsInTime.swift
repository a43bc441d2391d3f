// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol
package import RecoveryModel

/// Points in time of single VMs, opened by hand to be read: any write, not only a checkpoint.
///
/// An open point is held: the journal's history does not pass it until it is closed.
package struct PointsInTime: Sendable {
  /// A point that is open.
  package struct Open: Sendable {
    package var vm: String
    package var export: ExportStatus
  }

  private let site: SiteIdentifier
  private let definitions: [VPGDefinition]
  private let appliances: [any ApplianceControl]

  /// Points of the VMs that `site` keeps journals of, at its appliances.
  package init(
    site: SiteIdentifier,
    definitions: [VPGDefinition],
    appliances: [any ApplianceControl]
  ) {
    self.site = site
    self.definitions = definitions
    self.appliances = appliances
  }

  /// Opens a VM's disks as of a point, read only.
  ///
  /// `vm` is a name or an identifier.
  ///
  /// - Throws: A conflict if the point lies inside a sync, not found if the history does not have
  ///   it or the VM is not recovered at this site.
  package func open(vm: String, point: ExportPoint) async throws(SiteError) -> Open {
    let vm = try found(vm)
    let export = ExportIdentifier(newGUID())
    let request = ExportRequest(stream: vm.stream, point: point, overlayFolder: nil)
    for appliance in appliances where try await keeps(vm.stream, appliance) {
      let reply = try await appliance.openExport(export, request)
      return Open(
        vm: vm.name,
        export: ExportStatus(
          identifier: export,
          request: request,
          reply: reply,
          isServed: true
        )
      )
    }
    throw .notFound("No appliance of this site that answers keeps a journal of the VM \(vm.name).")
  }

  /// The points that are open, but not what tests, failovers and sessions for files have open.
  package func list() async throws(SiteError) -> [Open] {
    var open: [Open] = []
    for appliance in appliances {
      for export in try await appliance.exports()
      where export.request.overlayFolder == nil && !export.identifier.isFileSession {
        open.append(Open(vm: name(of: export.request.stream), export: export))
      }
    }
    return open
  }

  /// Closes a point.
  ///
  /// - Throws: Not found if it is not open, or is what a test or a failover reads.
  package func close(_ export: ExportIdentifier) async throws(SiteError) {
    for appliance in appliances {
      for known in try await appliance.exports()
      where known.identifier == export && known.request.overlayFolder == nil
        && !known.identifier.isFileSession
      {
        return try await appliance.closeExport(export)
      }
    }
    throw .notFound("There is no open point \(export).")
  }

  private func keeps(
    _ stream: StreamIdentifier,
    _ appliance: any ApplianceControl
  ) async throws(SiteError) -> Bool {
    try await appliance.status(timeout: nil).journals.contains { $0.stream == stream }
  }

  private func found(_ vm: String) throws(SiteError) -> VPGDefinition.ProtectedVM {
    let known = definitions.filter { $0.recoverySite == site }.flatMap(\.vms)
      .filter { $0.name == vm || $0.identifier.rawValue == vm }
    guard let first = known.first else { throw .notFound("No VM \(vm) is recovered at this site.") }
    guard known.count == 1 else {
      throw .conflict("There are several VMs \(vm): name one by its identifier.")
    }
    return first
  }

  private func name(of stream: StreamIdentifier) -> String {
    let vm = definitions.flatMap(\.vms).first { $0.stream == stream }
    return vm?.name ?? stream.rawValue
  }
}
