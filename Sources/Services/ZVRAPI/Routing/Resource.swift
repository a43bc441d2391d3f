// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A family of calls below one root, such as `/v1/vpgs`: one type in one file, which shows all
/// its routes.
protocol Resource: SendableMetatype {
  /// The first segment below `/v1`, spelt as clients spell it.
  static var root: String { get }
  /// The name `GET /v1/` gives the resource.
  static var interface: String { get }
  static var routes: [Route] { get }
}

/// Every resource served.
///
/// `GET /v1/`, the help pages and the router are made from this list.
enum Resources {
  static var all: [any Resource.Type] {
    [
      Session.self, LocalSite.self, PeerSites.self, VirtualizationSites.self, Vras.self,
      Vpgs.self, VpgSettings.self, Vms.self, Tasks.self, Events.self, Alerts.self,
      TapSuspensions.self, Datastores.self, Volumes.self, ServerDateTime.self, License.self,
      ServiceProfiles.self, Zorgs.self, Statistics.self, Reports.self, ResourcesReport.self,
      Flrs.self, EncryptionDetection.self, LongTermRetention.self, RecoveryScripts.self,
      ZsspSessions.self, Vcd.self, AuditLog.self,
    ]
  }

  /// Every call served, with the pages that show them.
  static var routes: [Route] {
    all.flatMap { $0.routes } + Help.routes + Swagger.routes + ZvmTweaks.routes
      + SiteSettings.routes + OpenIDConnect.routes + [LocalSiteBanner.authority]
  }
}
