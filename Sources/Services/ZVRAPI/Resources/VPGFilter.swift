// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

/// The filters that lists of VPGs and of VMs have in common.
///
/// What a definition says is looked at first: only the VPGs that are left are judged.
struct VPGFilter {
  private let status: Int?
  private let substatus: Int?
  private let priority: Int?
  private let entityTypes: [Int]
  private let name: String?
  private let identifier: String?
  private let protectedSite: String?
  private let recoverySite: String?
  private let organisationName: String?
  private let organisation: String?
  private let serviceProfile: String?
  private let isBackup: Bool
  private let siteNames: [SiteIdentifier: String]

  /// `name`: What filters by the VPG's name are called.
  ///
  /// `sites`: What people call the sites: old filters were given these names, too.
  ///
  /// - Throws: If a filter by an enumeration names no member of it.
  init(
    _ query: APIQuery,
    name: String?,
    identifier: String? = nil,
    sites: [SiteIdentifier: String]
  ) throws(APIError) {
    status = try query.number("status", of: APIEnumerations.vpgStatus)
    substatus = try query.number("subStatus", of: APIEnumerations.vpgSubstatus)
    priority = try query.number("priority", of: APIEnumerations.vpgPriority)
    let kinds = APIEnumerations.vpgEntityType
    entityTypes = [
      try query.number("protectedSiteType", "sourceType", of: kinds),
      try query.number("recoverySiteType", "targetType", of: kinds),
    ].compactMap(\.self)
    self.name = name
    self.identifier = identifier
    protectedSite = query.text("protectedSiteIdentifier", "sourceSite")
    recoverySite = query.text("recoverySiteIdentifier", "targetSite")
    organisationName = query.text("organizationName")
    organisation = query.text("zorgIdentifier")
    serviceProfile = query.text("serviceProfileIdentifier")
    isBackup = query.flag("backupEnabled")
    siteNames = sites
  }

  /// What can be said before the VPG is judged.
  func matches(_ vpg: VPGDefinition) -> Bool {
    priority.map { $0 == vpg.policy.priority.rawValue } ?? true
      && Self.matches(name, vpg.name)
      && Self.matches(identifier, vpg.identifier.rawValue)
      && entityTypes.allSatisfy { $0 == 0 }
      && matches(protectedSite, vpg.protectedSite)
      && matches(recoverySite, vpg.recoverySite)
      && Self.matches(organisation, vpg.policy.zorg ?? "")
      && Self.matches(serviceProfile, vpg.policy.serviceProfile ?? "")
      && (!isBackup || vpg.retention?.isEnabled == true)
  }

  /// The rest.
  func matches(_ view: VPGView) -> Bool {
    status ?? view.status.rawValue == view.status.rawValue
      && substatus ?? view.substatus.rawValue == view.substatus.rawValue
      && Self.matches(organisationName, view.organisationName)
  }

  private func matches(_ wanted: String?, _ site: @autoclosure () -> SiteIdentifier) -> Bool {
    guard let wanted else { return true }
    let site = site()
    return wanted.isSame(as: site.rawValue) || siteNames[site]?.isSame(as: wanted) ?? false
  }

  private static func matches(_ wanted: String?, _ text: @autoclosure () -> String) -> Bool {
    wanted?.isSame(as: text()) ?? true
  }
}
