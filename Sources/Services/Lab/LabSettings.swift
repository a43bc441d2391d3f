// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Where a lab is and what it is called.
///
/// Two labs with different settings do not meet.
package struct LabSettings: Sendable {
  /// The start of all names outside the lab's folder: namespaces and network links.
  package var name: String
  /// Everything the lab keeps; removed with it.
  package var folder: String
  /// What is slow to make and outlives a lab: the guest's image and what it is made of.
  package var cacheFolder: String
  /// The `understudy` program the lab's daemons are started with.
  package var executable: String

  package init(
    name: String = LabSettings.defaultName,
    folder: String = LabSettings.defaultFolder,
    cacheFolder: String = LabSettings.defaultCacheFolder,
    executable: String
  ) {
    self.name = name
    self.folder = folder
    self.cacheFolder = cacheFolder
    self.executable = executable
  }

  package static let defaultName = "understudy"
  package static let defaultFolder = "/var/lib/understudy-lab"
  package static let defaultCacheFolder = "/var/cache/understudy-lab"
}
