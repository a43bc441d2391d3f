// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Store

/// The definitions of VPGs as they were when somebody exported them.
package struct VPGExport: Sendable, Equatable {
  /// Names the export: a whole second.
  package var time: WallTime
  package var vpgs: [Entry]

  package init(time: WallTime, vpgs: [Entry]) {
    self.time = time
    self.vpgs = vpgs
  }

  /// One VPG, with its sites' names as they were.
  package struct Entry: Sendable, Equatable {
    package var definition: VPGDefinition
    package var protectedSiteName: String
    package var recoverySiteName: String

    package init(definition: VPGDefinition, protectedSiteName: String, recoverySiteName: String) {
      self.definition = definition
      self.protectedSiteName = protectedSiteName
      self.recoverySiteName = recoverySiteName
    }
  }
}

/// Makes exports, one at a time, and keeps the newest.
actor VPGExports {
  /// An export of a thousand VPGs takes a few megabytes in the store.
  private static let limit = 100

  private let context: SiteContext

  init(context: SiteContext) { self.context = context }

  func all() async throws(SiteError) -> [VPGExport] {
    let records: [VPGExportRecord]
    do { records = try await context.store.vpgExports() } catch { throw SiteError(error) }
    return records.map { record in
      VPGExport(
        time: record.time,
        vpgs: record.vpgs.map {
          VPGExport.Entry(
            definition: $0.definition,
            protectedSiteName: $0.protectedSiteName,
            recoverySiteName: $0.recoverySiteName
          )
        }
      )
    }
  }

  func make(
    of vpgs: [VPGView],
    named names: [String],
    user: String
  ) async throws(SiteError) -> VPGExport {
    let unknown = names.filter { name in
      !vpgs.contains { $0.definition.name.lowercased() == name.lowercased() }
    }
    guard unknown.isEmpty else {
      throw .notFound("There is no VPG \(unknown.joined(separator: ", ")).")
    }
    let wanted = Set(names.map { $0.lowercased() })
    let chosen = vpgs.filter { wanted.isEmpty || wanted.contains($0.definition.name.lowercased()) }
    let earlier = try await all().map(\.time)
    let export = VPGExport(
      time: Self.freeSecond(context.now(), earlier),
      vpgs: chosen.map {
        VPGExport.Entry(
          definition: $0.definition,
          protectedSiteName: $0.protectedSiteName,
          recoverySiteName: $0.recoverySiteName
        )
      }
    )
    do {
      try await context.store.save(VPGExportRecord(export))
      for time in earlier.dropFirst(Self.limit - 1) {
        try await context.store.removeVPGExport(at: time)
      }
    } catch { throw SiteError(error) }
    await context.events.record(
      .updateVPG,
      "The settings of \(chosen.count) VPGs were exported.",
      user: user,
      vpgs: chosen.map(\.definition.identifier)
    )
    return export
  }

  /// Clients cut the fraction off before they ask for an export, so that each has its own second.
  private static func freeSecond(_ now: WallTime, _ taken: [WallTime]) -> WallTime {
    var second = now.milliseconds / 1000
    while taken.contains(WallTime(milliseconds: second * 1000)) { second += 1 }
    return WallTime(milliseconds: second * 1000)
  }
}

extension VPGExportRecord {
  fileprivate init(_ export: VPGExport) {
    self.init(
      time: export.time,
      vpgs: export.vpgs.map {
        Entry(
          definition: $0.definition,
          protectedSiteName: $0.protectedSiteName,
          recoverySiteName: $0.recoverySiteName
        )
      }
    )
  }
}
