// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel

/// Who reads journals of a VPG: points that a person opened, sessions for files, recoveries.
///
/// While one does, its journal keeps that point, so it is neither ended nor folded past it.
struct JournalReaders: Sendable {
  let site: RecoverySite

  /// Refuses what cannot be done while a journal of `vms` is read by anything but `own`.
  ///
  /// `subject` is what cannot be done, up to the point that is open. An appliance that does not
  /// answer is refused too: nobody knows what it has open.
  func refuse(
    _ vms: [VPGDefinition.ProtectedVM],
    except own: Set<ExportIdentifier> = [],
    _ subject: (VPGDefinition.ProtectedVM) -> String
  ) async throws(SiteError) {
    for vm in vms {
      guard let reader = try await readers(of: vm, except: own).first else { continue }
      let way =
        reader.isFileSession
        ? "a file-level restore session reads it; end that first."
        : "it is open (\(reader)); close it first."
      throw .conflict("\(subject(vm)) is in use: \(way)")
    }
  }

  /// Ends what a person has open of the journals of `vms`, for something that cannot wait for it.
  func end(
    _ vms: [VPGDefinition.ProtectedVM],
    except own: Set<ExportIdentifier>
  ) async throws(SiteError) {
    for vm in vms {
      let appliance = try site.appliance(of: vm)
      for reader in try await readers(of: vm, except: own) {
        if reader.isFileSession {
          try await appliance.closeFiles(reader)
        } else {
          try await appliance.closeExport(reader)
        }
      }
    }
  }

  private func readers(
    of vm: VPGDefinition.ProtectedVM,
    except own: Set<ExportIdentifier>
  ) async throws(SiteError) -> [ExportIdentifier] {
    try await site.appliance(of: vm).exports()
      .filter { $0.request.stream == vm.stream && !own.contains($0.identifier) }
      .map(\.identifier)
  }
}
