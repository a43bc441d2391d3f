// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel

/// Journals that were given away, by folder.
actor FakeDatastore {
  private var left: [String: [Checkpoint]] = [:]

  func put(_ marks: [Checkpoint], at folder: String) { left[folder] = marks }
  func take(at folder: String) -> [Checkpoint]? { left.removeValue(forKey: folder) }
}
