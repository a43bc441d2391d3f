// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a handshake agreed on.
package struct NBDSession: Equatable, Sendable {
  package var export: NBDExportDescription
  /// Whether replies may, and those to reads must, be structured.
  package var usesStructuredReplies: Bool
  /// The metadata contexts that block status requests answer for.
  package var contexts: [NBDMetaContext]

  /// Whether block status requests are answered at all.
  package var tellsStatus: Bool { !contexts.isEmpty }

  package init(
    export: NBDExportDescription,
    usesStructuredReplies: Bool = false,
    contexts: [NBDMetaContext] = []
  ) {
    self.export = export
    self.usesStructuredReplies = usesStructuredReplies
    self.contexts = contexts
  }
}

/// Something a server can tell of every block, and its number on one connection ("Metadata
/// querying").
package struct NBDMetaContext: Equatable, Sendable {
  /// `base:allocation`: which blocks are holes, and which read as zeroes.
  package static let allocation = "base:allocation"

  package var identifier: UInt32
  /// Such as `base:allocation` or `qemu:dirty-bitmap:NAME`.
  package var name: String

  package init(identifier: UInt32, name: String) {
    self.identifier = identifier
    self.name = name
  }
}
