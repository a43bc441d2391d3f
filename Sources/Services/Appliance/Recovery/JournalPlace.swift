// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Journal
internal import RecoveryModel

/// The folder of a journal that is on a datastore, and whose it is.
///
/// Other appliances may reach the datastore too, so the folder bears the name of the one that may
/// open the journal. It goes from one to the next by renaming a file: that happens once, whoever
/// tries, so no two appliances ever write one journal or its replicas.
struct JournalPlace: Sendable {
  /// The record of a journal that waits for its next appliance.
  static let recordName = "record.json"
  private static let prefix = "owner-"
  private static let free = "released"
  /// What shows, beside each replica, that whoever is to write it sees the same storage.
  private static let suffix = ".released"

  let folder: FileFolder
  private let owner: String

  init(path: String, owner: ApplianceIdentifier) {
    folder = FileFolder(existing: path)
    self.owner = Self.prefix + owner.rawValue.replacing("/", with: "_")
  }

  /// Makes the folder for a new journal; one that this appliance began to make is fine.
  ///
  /// - Throws: 409 if something is there.
  func make() throws {
    let folder = try FileFolder(path: folder.path)
    let names = try folder.list()
    guard !names.contains(owner) else { return }
    guard names.isEmpty else { throw refusal(names) }
    _ = try folder.open(owner, creating: true)
  }

  /// Throws unless the journal is this appliance's.
  func check() throws {
    let names = try list()
    guard names.contains(owner) else { throw refusal(names) }
  }

  /// Gives the journal away; it is nobody's then.
  func release(_ record: JournalRecord) throws {
    let names = try list()
    guard names.contains(owner) else {
      if names.contains(Self.free) { return }
      throw refusal(names)
    }
    try JSONFile(folder: folder, name: Self.recordName).save(record)
    for volume in record.request.volumes {
      _ = try File(path: volume.replicaPath + Self.suffix, creating: true)
    }
    try folder.rename(owner, to: Self.free)
    try folder.sync()
  }

  /// The record with which the journal was given away; nil if it was not.
  func released() throws -> JournalRecord? {
    let names = try list()
    guard names.contains(owner) || names.contains(Self.free) else { throw refusal(names) }
    return try JSONFile(folder: folder, name: Self.recordName).load()
  }

  /// Makes a journal that was given away this appliance's; one that is already is fine.
  ///
  /// - Throws: 409 if it is another's, or not on the storage that this appliance sees.
  func take(_ replicas: [String]) throws {
    let names = try list()
    if !names.contains(owner) {
      guard names.contains(Self.free) else { throw refusal(names) }
      for path in replicas {
        guard FileManager.default.fileExists(atPath: path + Self.suffix),
          FileManager.default.fileExists(atPath: path)
        else {
          throw ControlFailure(
            status: 409,
            message: "\(path) is not there, or is another file than the appliance before had"
          )
        }
      }
      try folder.rename(Self.free, to: owner)
      try folder.sync()
    }
    for path in replicas { unlink(path + Self.suffix) }
    try JSONFile<JournalRecord>(folder: folder, name: Self.recordName).remove()
  }

  /// Removes the folder, if it is this appliance's; the name goes last.
  func erase() throws {
    if let names = try? list(), names.contains(owner) {
      for name in names where name != owner { try folder.remove(name) }
      try folder.remove(owner)
    }
    // What is another's is not empty.
    rmdir(folder.path)
  }

  private func list() throws -> [String] {
    do { return try folder.list() } catch .missing {
      throw ControlFailure(
        status: 409,
        message: "the journal's folder \(folder.path) is not there: the datastore is not mounted, "
          + "or is other storage than it was"
      )
    }
  }

  private func refusal(_ names: [String]) -> ControlFailure {
    let other = names.first { $0.hasPrefix(Self.prefix) }?.dropFirst(Self.prefix.count)
    let reason =
      if let other { "it is the appliance \(other)'s" } else if names.contains(Self.free) {
        "it was given away by an appliance"
      } else { "there is no journal of this appliance in it" }
    return ControlFailure(
      status: 409,
      message: "the journal's folder \(folder.path) cannot be used: \(reason)"
    )
  }
}
