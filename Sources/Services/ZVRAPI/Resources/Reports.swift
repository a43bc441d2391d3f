// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/v1/reports`: how recoveries went, and what VMs used.
enum Reports: Resource {
  static let root = "reports"
  static let interface = "IReportsService"

  static var routes: [Route] { published + RecoveryEvidence.routes }

  private static var published: [Route] {
    [
      Route(.get, "reports/recovery", "Recoveries of the VPGs of this site, newest first.") {
        call in
        let page = try Page(call.query)
        let reports = try await call.site.recoveryReports(
          from: try call.query.date("startTime"),
          to: try call.query.date("endTime")
        )
        let filter = try RecoveryFilter(call.query)
        return .list(
          reports.filter(filter.matches).dropFirst(page.offset).prefix(page.size)
            .map(APIValue.recoveryReport),
          of: "RecoveryReportApi"
        )
      },
      Route(.get, "reports/recovery/{recoveryOperationIdentifier}", "One recovery.") { call in
        let report = try await RecoveryEvidence.report(call)
        // A person with a browser gets what can be printed and filed.
        return call.wantsPage
          ? .html(RecoveryReportPage(report: report).html) : .value(.recoveryReport(report))
      },
      Route(.get, "reports/resources", "What VMs used, sample by sample, oldest first.") { call in
        let page = try Page(call.query)
        let names = try await CatalogueNames(call.site)
        let samples = try await call.site.resourceSamples(
          SampleQuery(
            start: try call.query.date("startTime"),
            end: try call.query.date("endTime"),
            offset: page.offset,
            limit: page.size,
            matches: filter(call.query, names)
          )
        )
        return .list(
          samples.map { .resourceReport($0, names) },
          of: "VmResourcesReportApi"
        )
      },
    ]
  }

  /// A page of a report: numbers begin at 1.
  private struct Page {
    static let largest = 1000
    let offset: Int
    let size: Int

    init(_ query: APIQuery) throws(APIError) {
      let number = try query.integer("pageNumber") ?? 1
      size = try query.integer("pageSize") ?? Self.largest
      guard (1...Self.largest).contains(size) else {
        throw .invalid("pageSize must be from 1 to \(Self.largest)")
      }
      guard (0...1_000_000_000).contains(number) else {
        throw .invalid("pageNumber must be at least 1")
      }
      // Some clients count from 0.
      offset = max(0, number - 1) * size
    }
  }

  private struct RecoveryFilter {
    let vpgNames: [String]
    let kind: String?
    let state: String?

    init(_ query: APIQuery) throws(APIError) {
      vpgNames = (query.text("vpgName") ?? "").split(separator: ",").map {
        String($0.drop { $0 == " " })
      }
      kind = query.text("recoveryType")?.replacing(" ", with: "")
      state = query.text("state")
      let kinds = ["Failover", "FailoverTest", "Move"]
      if let kind, !kinds.contains(where: { $0.isSame(as: kind) }) {
        throw .invalid("recoveryType is none of \(kinds.joined(separator: ", "))")
      }
      if let state, !["Success", "Fail"].contains(where: { $0.isSame(as: state) }) {
        throw .invalid("state is neither Success nor Fail")
      }
    }

    func matches(_ report: RecoveryReport) -> Bool {
      (vpgNames.isEmpty || vpgNames.contains { $0.isSame(as: report.vpgName) })
        && kind?.isSame(as: report.kind.rawValue) ?? true
        && state?.isSame(as: report.failure.isEmpty ? "Success" : "Fail") ?? true
    }
  }

  /// A test of samples; nil if the query filters nothing.
  private static func filter(
    _ query: APIQuery,
    _ names: CatalogueNames
  ) -> (@Sendable (ResourceSample) -> Bool)? {
    let filters = [
      "zorgName", "vpgName", "vmName", "protectedSiteName", "protectedHostName",
      "recoverySiteName", "recoveryHostName", "protectedClusterName", "protectedOrgVdc",
      "protectedVcdOrg", "recoveryClusterName", "recoveryOrgVdc", "recoveryVcdOrg",
    ]
    guard filters.contains(where: { query.text($0) != nil }) else { return nil }
    // What libvirt sites do not have matches nothing that is asked for.
    let asksForForeign = filters.suffix(6).contains { query.text($0) != nil }
    return { sample in
      !asksForForeign
        && query.matches("zorgName", names.organisation(sample.organisation))
        && query.matches("vpgName", sample.vpgName) && query.matches("vmName", sample.vmName)
        && query.matches("protectedSiteName", sample.protected.siteName)
        && query.matches("protectedHostName", sample.protected.hostName)
        && query.matches("recoverySiteName", sample.recovery.siteName)
        && query.matches("recoveryHostName", sample.recovery.hostName)
    }
  }
}

/// The names of service profiles and organisations, by identifier.
struct CatalogueNames: Sendable {
  private let profiles: [String: String]
  private let organisations: [String: String]

  init(_ site: any SiteService) async throws {
    profiles = Dictionary(
      try await site.serviceProfiles().map { ($0.identifier, $0.name) },
      uniquingKeysWith: { first, _ in first }
    )
    organisations = Dictionary(
      try await site.organisations().map { ($0.identifier, $0.name) },
      uniquingKeysWith: { first, _ in first }
    )
  }

  /// The profile's name; empty without one.
  func profile(_ identifier: String?) -> String { identifier.flatMap { profiles[$0] } ?? "" }

  /// The organisation's name; empty without one.
  func organisation(_ identifier: String?) -> String {
    identifier.flatMap { organisations[$0] } ?? ""
  }
}
