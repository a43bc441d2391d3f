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

  func shown(in view: consuming VPGView) -> VPGView {
    view.alertLevel = levels.level(of: view.definition.identifier)
    if !profileNames.isEmpty, let profile = view.definition.policy.serviceProfile {
      view.serviceProfileName = profileNames[profile.lowercased()] ?? ""
    }
    if !organisationNames.isEmpty, let owner = view.definition.policy.zorg {
      view.organisationName = organisationNames[owner.lowercased()] ?? ""
    }
    return view
  }
}
