// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension Array {
  /// As `filter` does, but that an array of which all is wanted is not copied.
  package func keeping(_ isWanted: (Element) -> Bool) -> [Element] {
    indices.allSatisfy { isWanted(self[$0]) } ? self : filter(isWanted)
  }
}
