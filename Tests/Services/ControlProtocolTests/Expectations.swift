// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Testing

/// Expects that no answer comes.
func expectUnreachable(
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () async throws -> Void
) async {
  await #expect(sourceLocation: sourceLocation) {
    try await body()
  } throws: { error in
    if case ControlError.unreachable = error { true } else { false }
  }
}

/// Expects an answer that says no, with this status.
func expectRefusal(
  _ status: Int,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () async throws -> Void
) async {
  await #expect(sourceLocation: sourceLocation) {
    try await body()
  } throws: { error in
    if case ControlError.refused(let failure) = error { failure.status == status } else { false }
  }
}
