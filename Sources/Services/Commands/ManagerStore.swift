// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation
internal import Manager
internal import Store

/// Where a manager's store is: `postgres://…`, or `sqlite:` and the path of a file.
enum ManagerStore {
  /// Opens the store that a manager's configuration names for as long as `body` takes.
  static func use<Result>(
    of configuration: ManagerConfiguration,
    _ body: (any Store) async throws -> Result
  ) async throws -> Result {
    let store = try open(configuration, by: Composition.required)
    let result: Result
    do { result = try await body(store) } catch {
      try? await store.close()
      throw error
    }
    try await store.close()
    return result
  }

  /// Opens the store that a manager's configuration names, and makes its folder first if need be.
  static func open(
    _ configuration: ManagerConfiguration,
    by composition: Composition
  ) throws -> any Store {
    try FileManager.default.createDirectory(
      atPath: configuration.stateFolder,
      withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700]
    )
    return try open(
      configuration.store ?? "sqlite:" + configuration.stateFolder + "/manager.sqlite",
      by: composition
    )
  }

  /// Opens the store at a location, which is not made if it is a file that is not there.
  static func openExisting(
    _ location: String,
    by composition: Composition
  ) throws -> any SQLStore {
    let path = location.dropFirst("sqlite:".count)
    if location.hasPrefix("sqlite:"), !FileManager.default.fileExists(atPath: String(path)) {
      throw ValidationError("There is no file \(path).")
    }
    return try open(location, by: composition)
  }

  /// Opens the store at a location.
  static func open(_ location: String, by composition: Composition) throws -> any SQLStore {
    switch location.split(separator: ":", maxSplits: 1).first {
    case "postgres", "postgresql": return try composition.postgresStore(location)
    case "sqlite": return try composition.sqliteStore(String(location.dropFirst("sqlite:".count)))
    default:
      throw ValidationError("A store is written as postgres://… or sqlite:/path/of/its/file.")
    }
  }
}
