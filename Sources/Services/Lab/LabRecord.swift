// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Identity
internal import RecoveryModel

/// What a lab knows of itself, in `lab.json` in its folder.
///
/// The file is the first thing a lab makes and the last it removes: a folder, a namespace or a
/// process is the lab's own only if this record says so.
struct LabRecord: Codable, Sendable {
  /// Says that the file is a lab's record, and which layout it has.
  static let format = "understudy lab 1"

  var format = LabRecord.format
  var name: String
  /// The third byte of the lab's addresses, `10.213.<slot>.0/24`.
  var slot: Int
  /// Folders outside the lab's own that it had to make; removed again if empty.
  var createdFolders: [String] = []
  var allowsKVM: Bool
  var sites: [Site]
  /// The run of the machine each VM was last started in, by the VM's name; see ``MachineRun``.
  ///
  /// Nil in a record from before this was noted.
  var startedVMs: [String: String]? = [:]

  /// What is made up once for a site and then stays.
  struct Site: Codable, Sendable {
    var name: String
    var identifier: SiteIdentifier
    /// libvirt's host UUID, distinct per site although both are on one machine.
    var hostUUID: String
    var user: String
    var password: String
    /// Whether the manager's store has the user.
    var hasUser = false
  }

  /// Notes that VMs have been started in a run of the machine.
  mutating func note(started vms: [String], in run: String) {
    startedVMs = (startedVMs ?? [:]).merging(vms.map { ($0, run) }) { $1 }
  }

  /// Whether a VM was not started in a run of the machine yet.
  ///
  /// One that was, and is off, was switched off on purpose, maybe by a failover under way: started
  /// again, it would soon run at both sites.
  func awaitsStart(_ vm: String, in run: String) -> Bool { startedVMs?[vm] != run }

  /// Reads the record in a folder; nil if there is none.
  ///
  /// - Throws: ``LabError`` if the file is there and is not a lab's record.
  static func load(from folder: String) throws -> LabRecord? {
    let path = path(in: folder)
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    guard let record = try? JSONDecoder().decode(LabRecord.self, from: data),
      record.format == format
    else { throw LabError("\(path) is not a lab's record: leaving everything alone") }
    return record
  }

  /// Writes the record, readable by its owner alone: it holds passwords.
  func save(in folder: String) throws {
    try PrivateFile.write(json: self, to: Self.path(in: folder))
  }

  private static func path(in folder: String) -> String { folder + "/lab.json" }
}
