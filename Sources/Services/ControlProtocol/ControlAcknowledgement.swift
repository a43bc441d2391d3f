// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The answer of a request that has nothing to say but that it succeeded: `{}`.
package struct ControlAcknowledgement: Codable, Sendable, Equatable {
  package init() {}
}
