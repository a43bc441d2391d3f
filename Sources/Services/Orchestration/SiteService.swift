// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Hypervisor
package import RecoveryModel
package import Scripts

/// Everything a site can be asked or told: what the REST API, the console and the CLI are made
/// of.
///
/// It knows no HTTP and no JSON.
///
/// A VPG may be named at either of its sites; what the other one has to do is passed on.
package protocol SiteService: SiteReporting, FileRestoring, PointComparing, PointSearching,
  LongTermRetaining, RecoveryRelocating, ApplianceManaging
{
  // MARK: Sites

  var siteIdentifier: SiteIdentifier { get }
  func localSite() async -> LocalSiteView
  func peerSites() async throws(SiteError) -> [PeerSiteView]
  func generatePairingToken() async throws(SiteError) -> PairingTokenView
  func pair(host: String, port: Int, token: String, user: String) async throws(SiteError)
    -> TaskIdentifier
  func unpair(_ site: SiteIdentifier, user: String) async throws(SiteError) -> TaskIdentifier
  /// What there is to pick from at this site or a paired one.
  func inventory(of site: SiteIdentifier) async throws(SiteError) -> Inventory
  /// VMs of a site that no VPG protects.
  func unprotectedVMs(of site: SiteIdentifier) async throws(SiteError) -> [VirtualMachine]
  func appliances() async throws(SiteError) -> [ApplianceView]

  // MARK: Scripts

  /// Where this site keeps scripts and what they left; nil if it runs none.
  var scriptFolders: ScriptFolders? { get }

  // MARK: VPGs

  /// The VPGs whose definition is wanted, by name.
  func vpgs(
    where isWanted: @Sendable (VPGDefinition) -> Bool
  ) async throws(SiteError) -> [VPGView]
  func vpg(_ vpg: VPGIdentifier) async throws(SiteError) -> VPGView
  /// What would be lost of a VPG if its protected site were gone this moment.
  func exposure(of vpg: VPGIdentifier) async throws(SiteError) -> VPGExposure
  /// The VMs of the VPGs whose definition is wanted.
  func protectedVMs(
    where isWanted: @Sendable (VPGDefinition) -> Bool
  ) async throws(SiteError) -> [ProtectedVMView]
  /// One VM, once for each VPG it is in.
  func protectedVMs(_ vm: VMIdentifier) async throws(SiteError) -> [ProtectedVMView]
  func checkpoints(
    of vpg: VPGIdentifier,
    from start: WallTime?,
    to end: WallTime?
  ) async throws(SiteError) -> [Checkpoint]

  /// Creates a VPG after checking every part of its definition; nothing changes if one is wrong.
  func create(_ definition: VPGDefinition, user: String) async throws(SiteError) -> TaskIdentifier
  /// Checks that the operation is possible now and begins it.
  func perform(
    _ operation: VPGOperation,
    on vpg: VPGIdentifier,
    user: String
  ) async throws(SiteError) -> TaskIdentifier

  // MARK: Exported definitions

  /// Keeps the definitions of VPGs as they are now, of all if none is named.
  func exportVPGs(named names: [String], user: String) async throws(SiteError) -> VPGExport
  /// What was exported, newest first.
  func vpgExports() async throws(SiteError) -> [VPGExport]

  // MARK: Taps

  /// Frees disks of our tap for a time, and waits until they are free.
  func suspendTaps(_ target: TapTarget, minutes: Int, user: String) async throws(SiteError)
  /// Ends suspensions before their time; the taps come back by themselves.
  func resumeTaps(_ target: TapTarget, user: String) async throws(SiteError)
  func tapSuspensions() async throws(SiteError) -> [TapSuspensionView]

  // MARK: Settings

  /// What the site's tweaks are set to.
  func tweaks() async -> Tweaks
  /// Sets a tweak, which holds at once; nil sets it back to what is usual.
  func set(_ tweak: Tweak, to setting: Tweaks.Setting?, user: String) async throws(SiteError)
  /// Logs in with another account where the site's hosts ask for one, after each of these has let
  /// it in; nothing changes if one does not, or none asks.
  func setHypervisorAccount(_ account: HypervisorAccount, user: String) async throws(SiteError)
  /// Tells those who are sent events how many VMs are protected.
  func reportUsage(user: String) async throws(SiteError)

  // MARK: Work and history

  /// What people call the VPGs and sites there are.
  func names() async throws(SiteError) -> SiteNames

  /// Tasks of this site, and of its peers those about VPGs of both, newest first.
  func tasks() async throws(SiteError) -> [TaskRecord]
  /// A task of this site or a paired one.
  func task(_ task: TaskIdentifier) async throws(SiteError) -> TaskRecord
  func events(
    from start: WallTime?,
    to end: WallTime?,
    limit: Int
  ) async throws(SiteError) -> [EventRecord]
  func event(_ identifier: String) async throws(SiteError) -> EventRecord
  /// The alerts that are on at this site, newest first.
  func alerts() async -> [AlertRecord]
  /// Marks an alert as seen, or not.
  func setDismissed(_ isDismissed: Bool, alert: String) async throws(SiteError)
}

extension SiteService {
  /// All VPGs, by name.
  package func vpgs() async throws(SiteError) -> [VPGView] { try await vpgs { _ in true } }
}

/// The names that histories show beside identifiers.
package struct SiteNames: Sendable, Equatable {
  package var vpgs: [VPGIdentifier: String]
  package var sites: [SiteIdentifier: String]
  /// Of the VPGs that belong to one.
  package var organisations: [VPGIdentifier: Organisation]

  package init(
    vpgs: [VPGIdentifier: String],
    sites: [SiteIdentifier: String],
    organisations: [VPGIdentifier: Organisation] = [:]
  ) {
    self.vpgs = vpgs
    self.sites = sites
    self.organisations = organisations
  }

  /// The organisations that have one of these VPGs, in the order of the VPGs.
  package func organisations(of vpgs: some Sequence<VPGIdentifier>) -> [Organisation] {
    guard !organisations.isEmpty else { return [] }
    return vpgs.reduce(into: []) { found, vpg in
      if let organisation = organisations[vpg], !found.contains(organisation) {
        found.append(organisation)
      }
    }
  }
}

/// Why the site did not do what was asked.
///
/// Texts are for the person who asked.
package enum SiteError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Nothing has that name.
  case notFound(String)
  /// The request cannot be right.
  case invalid(String)
  /// A definition cannot be carried out, for each of these reasons, which name its members.
  case rejected([String])
  /// The request is right, but not now.
  case conflict(String)
  /// The other site or the hypervisor does not answer.
  case unreachable(String)
  /// Something of ours failed.
  case failed(String)

  package var description: String { message }

  /// The text alone.
  package var message: String {
    switch self {
    case .notFound(let text), .invalid(let text), .conflict(let text), .unreachable(let text),
      .failed(let text):
      text
    case .rejected(let problems): problems.joined(separator: "; ")
    }
  }
}
