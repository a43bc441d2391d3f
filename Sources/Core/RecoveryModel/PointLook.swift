// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A probe that starts nothing: sessions for files are opened at the point, looked at and closed.
package struct PointLook: Codable, Sendable, Equatable {
  package let checkpoint: Checkpoint
  package let machines: [Machine]
  package internal(set) var stage: Stage

  package init(checkpoint: Checkpoint, machines: [Machine]) {
    self.checkpoint = checkpoint
    self.machines = machines
    stage = .opening
  }

  /// One VM whose files are looked at.
  package struct Machine: Codable, Sendable, Equatable {
    package var vm: VMIdentifier
    /// Named before it is there, so that a second try makes no second one.
    package var session: ExportIdentifier

    package init(vm: VMIdentifier, session: ExportIdentifier) {
      self.vm = vm
      self.session = session
    }
  }

  /// How far it is.
  package enum Stage: String, Codable, Sendable {
    case opening, open, closing
  }
}
