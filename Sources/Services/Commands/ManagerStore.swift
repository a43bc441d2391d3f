// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Manager
internal import Store

/// The store a manager's configuration names.
enum ManagerStore {
  /// Opens it, and makes its folder first if need be.
  static func open(
    _ configuration: ManagerConfiguration,
    by composition: Composition
  ) throws -> any Store {
    try FileManager.default.createDirectory(
      atPath: configuration.stateFolder,
      withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700]
    )
    return try composition.store(configuration.stateFolder + "/manager.sqlite")
  }
}
