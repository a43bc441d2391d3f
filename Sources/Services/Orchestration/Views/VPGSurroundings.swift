// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// What is shown with a VPG beside its own state, read once for all the VPGs of a listing.
struct VPGSurroundings: Sendable {
  private let levels: AlertLevels
  private let profileNames: [String: String]
  private let organisationNames: [String: String]

  init(levels: AlertLevels, profiles: [ServiceProfile], organisations: [Organisation]) {
    self.levels = levels
    profileNames = Dictionary(profiles.map { ($0.identifier.lowercased(), $0.name) }) { $1 }
    organisationNames = Dictionary(organisations.map { ($0.identifier.lowercased(), $0.name) }) {
      $1
    }
  }

  func shown(in view: VPGView) -> VPGView {
    var view = view
    view.alertLevel = levels.level(of: view.definition.identifier)
    view.serviceProfileName =
      view.definition.policy.serviceProfile.flatMap { profileNames[$0.lowercased()] } ?? ""
    view.organisationName =
      view.definition.policy.zorg.flatMap { organisationNames[$0.lowercased()] } ?? ""
    return view
  }
}
