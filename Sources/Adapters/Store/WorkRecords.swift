// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// A VM that is recovered at this site, as its own site last described it.
package struct BlueprintRecord: Codable, Sendable, Equatable {
  package var stream: StreamIdentifier
  package var blueprint: VMBlueprint

  package init(stream: StreamIdentifier, blueprint: VMBlueprint) {
    self.stream = stream
    self.blueprint = blueprint
  }
}

/// A guest that is being frozen, or is frozen, for a checkpoint.
///
/// It is kept from before the guest is asked until it is known to be thawed.
package struct FrozenGuestRecord: Codable, Sendable, Equatable {
  package var vm: VMIdentifier
  package var name: String
  package var vpg: VPGIdentifier
  /// The run of the VM, as the hypervisor counts them: another one is not frozen.
  package var runIdentifier: Int?

  package init(vm: VMIdentifier, name: String, vpg: VPGIdentifier, runIdentifier: Int?) {
    self.vm = vm
    self.name = name
    self.vpg = vpg
    self.runIdentifier = runIdentifier
  }
}

/// Definitions of VPGs as they were when somebody exported them.
package struct VPGExportRecord: Codable, Sendable, Equatable {
  /// Names the export.
  package var time: WallTime
  package var vpgs: [Entry]

  package init(time: WallTime, vpgs: [Entry]) {
    self.time = time
    self.vpgs = vpgs
  }

  /// One VPG, with its sites' names as they were.
  package struct Entry: Codable, Sendable, Equatable {
    package var definition: VPGDefinition
    package var protectedSiteName: String
    package var recoverySiteName: String

    package init(definition: VPGDefinition, protectedSiteName: String, recoverySiteName: String) {
      self.definition = definition
      self.protectedSiteName = protectedSiteName
      self.recoverySiteName = recoverySiteName
    }
  }
}

/// An unfinished recovery operation.
package struct WorkflowRecord: Codable, Sendable, Equatable {
  package var identifier: String
  package var vpg: VPGIdentifier
  package var kind: String
  /// The state machine, as JSON.
  package var state: String

  package init(identifier: String, vpg: VPGIdentifier, kind: String, state: String) {
    self.identifier = identifier
    self.vpg = vpg
    self.kind = kind
    self.state = state
  }
}
