// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A lower-case GUID that nobody else has.
func newGUID() -> String { UUID().uuidString.lowercased() }
