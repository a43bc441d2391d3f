// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// `/ZvmService/ResourcesReport`: flat samples for bills, as releases before the reports had them.
enum ResourcesReport: Resource {
  static let root = "ZvmService"
  static let interface = "IResourcesReportService"

  private static let largestCount = 500

  static var routes: [Route] {
    ["/ZvmService/ResourcesReport", "ZvmService/ResourcesReport"].flatMap { root in
      [
        Route(.get, "\(root)/getSamples", "Samples, oldest first.", access: .reports) { call in
          try await samples(call, filter: nil)
        },
        Route(
          .get,
          "\(root)/getSamplesWithFilter",
          "Samples whose VPG, VM, site, host, organisation or profile the filter names.",
          access: .reports
        ) { call in
          try await samples(call, filter: call.query.text("filter"))
        },
      ]
    }
  }

  private static func samples(_ call: APICall, filter: String?) async throws -> APIResponse {
    let query = call.query
    let start = try query.integer("startIndex") ?? 0
    let count = try query.integer("count") ?? largestCount
    guard start >= 0 else { throw APIError.invalid("startIndex must not be negative") }
    guard (1...largestCount).contains(count) else {
      throw APIError.invalid("count must be from 1 to \(largestCount)")
    }
    let names = try await CatalogueNames(call.site)
    var wish = SampleQuery(offset: start, limit: count)
    wish.start = try query.date("fromTimeString")
    wish.end = try query.date("toTimeString")
    if let filter { wish.matches = { names.matches($0, filter) } }
    let samples = try await call.site.resourceSamples(wish)
    let links = call.links()
    var response = APIResponse.list(
      samples.map { .resourcesInfo($0, links) },
      of: "VmResourcesInfo"
    )
    // Outside of `/v1` old billing scripts read XML without asking for it.
    if !call.request.path.lowercased().hasPrefix("/v1") { response.format = .xml }
    return response
  }
}

extension CatalogueNames {
  /// Whether a sample has something of exactly that name.
  fileprivate func matches(_ sample: ResourceSample, _ filter: String) -> Bool {
    [
      sample.vpgName, sample.vmName, sample.protected.siteName, sample.recovery.siteName,
      sample.protected.hostName, sample.recovery.hostName, profile(sample.serviceProfile),
      organisation(sample.organisation),
    ].contains { filter.isSame(as: $0) }
  }
}
