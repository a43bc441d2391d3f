// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

extension APICall {
  /// The definition, if what it newly names is there, as far as this manager keeps it itself.
  ///
  /// Scripts and repositories are the recovery site's; what the other site has of them, it says
  /// when it prepares.
  func checked(
    _ definition: VPGDefinition,
    changing base: VPGDefinition?
  ) async throws -> VPGDefinition {
    var definition = definition
    if definition.policy.zorg == Links.noOne { definition.policy.zorg = nil }
    if definition.policy.serviceProfile == Links.noOne { definition.policy.serviceProfile = nil }
    var check = DefinitionCheck(definition)
    check.checkCatalogue(
      organisations: try await site.organisations(),
      profiles: try await site.serviceProfiles(),
      changing: base
    )
    if definition.recoverySite == site.siteIdentifier {
      if let folders = site.scriptFolders { check.checkScripts(in: folders, changing: base) }
      if definition.retention != base?.retention {
        check.checkRepository(try await site.repositories().map(\.identifier))
      }
    }
    return try check.finish()
  }
}
