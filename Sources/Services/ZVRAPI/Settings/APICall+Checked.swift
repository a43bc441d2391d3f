// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

extension APICall {
  /// The definition, if the organisation and the service profile that it newly names are there.
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
    return try check.finish()
  }
}
