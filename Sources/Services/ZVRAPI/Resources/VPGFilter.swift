// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// The filters that lists of VPGs and of VMs have in common.
struct VPGFilter {
  private let query: APIQuery
  private let status: Int?
  private let substatus: Int?
  private let priority: Int?
  private let entityTypes: [Int]

  /// - Throws: If a filter by an enumeration names no member of it.
  init(_ query: APIQuery) throws(APIError) {
    self.query = query
    status = try query.number("status", of: APIEnumerations.vpgStatus)
    substatus = try query.number("subStatus", of: APIEnumerations.vpgSubstatus)
    priority = try query.number("priority", of: APIEnumerations.vpgPriority)
    let kinds = APIEnumerations.vpgEntityType
    entityTypes = [
      try query.number("protectedSiteType", "sourceType", of: kinds),
      try query.number("recoverySiteType", "targetType", of: kinds),
    ].compactMap(\.self)
  }

  func matches(_ view: VPGView) -> Bool {
    let vpg = view.definition
    return status ?? view.status.rawValue == view.status.rawValue
      && substatus ?? view.substatus.rawValue == view.substatus.rawValue
      && priority ?? vpg.policy.priority.rawValue == vpg.policy.priority.rawValue
      && entityTypes.allSatisfy { $0 == 0 }
      && matchesSite(
        vpg.protectedSite,
        view.protectedSiteName,
        "protectedSiteIdentifier",
        "sourceSite"
      )
      && matchesSite(
        vpg.recoverySite,
        view.recoverySiteName,
        "recoverySiteIdentifier",
        "targetSite"
      )
      && query.matches("organizationName", "")
      && query.matches("zorgIdentifier", vpg.policy.zorg ?? "")
      && query.matches("serviceProfileIdentifier", vpg.policy.serviceProfile ?? "")
      && !query.flag("backupEnabled")
  }

  /// The old names of these filters were given site names, too.
  private func matchesSite(
    _ site: SiteIdentifier,
    _ name: String,
    _ filter: String,
    _ oldFilter: String
  ) -> Bool {
    guard let wanted = query.text(filter) ?? query.text(oldFilter) else { return true }
    return wanted.isSame(as: site.rawValue) || wanted.isSame(as: name)
  }
}
