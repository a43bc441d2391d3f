// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Crypto
internal import Foundation
internal import RecoveryModel

/// The files of a point that is looked at: the sessions they are read by, and what is asked of
/// them.
///
/// What is thrown says that nothing is known; what a file is like is a finding.
struct PointFiles: Sendable {
  /// What a script gets of a point at most.
  private static let fetchLimit = 1 << 30

  let site: RecoverySite
  let look: PointLook
  let conditions: [PointCheck.FileCondition]

  // MARK: Sessions

  func open() async throws(SiteError) {
    for machine in look.machines {
      let vm = try vm(machine.vm)
      let request = FileSessionRequest(
        stream: vm.stream,
        point: .checkpoint(look.checkpoint.identifier)
      )
      _ = try await site.appliance(of: vm).openFiles(machine.session, request)
    }
  }

  /// Whether all are mounted.
  ///
  /// - Throws: If one cannot be, or has ended.
  func areOpen() async throws(SiteError) -> Bool {
    var areOpen = true
    for machine in look.machines {
      let status = try await status(of: machine)
      switch status?.state {
      case .mounted: break
      case .mounting: areOpen = false
      case .failed: throw .failed(status?.problems.joined(separator: "; ") ?? "")
      case nil: throw .failed("The session for files has ended.")
      }
    }
    return areOpen
  }

  func close() async throws(SiteError) {
    for machine in look.machines {
      // Of a VM that has left the VPG, so has its journal.
      guard let vm = try? vm(machine.vm) else { continue }
      try await site.appliance(of: vm).closeFiles(machine.session)
    }
  }

  // MARK: Findings

  /// The first condition that does not hold, or that all do.
  func check() async throws(SiteError) -> CheckFinding {
    var found: [String] = []
    for condition in conditions {
      let finding = try await finding(condition)
      guard finding.hasPassed else { return finding }
      found.append(finding.words)
    }
    return CheckFinding(hasPassed: true, words: found.joined(separator: " "))
  }

  private func finding(
    _ condition: PointCheck.FileCondition
  ) async throws(SiteError) -> CheckFinding {
    let machine = try machine(of: condition)
    let name = try vm(condition.vm).name
    let what = "\(condition.path) of \(name)"
    let top = "/" + (condition.path.split(separator: "/").first ?? "")
    guard try await entry(top, of: machine) != nil else {
      let problems = try await status(of: machine)?.problems ?? []
      let why = problems.isEmpty ? "" : " Not read: \(problems.joined(separator: "; "))."
      return CheckFinding(hasPassed: false, words: "\(name) has no file system \(top).\(why)")
    }
    let found = try await entry(condition.path, of: machine)
    guard let found else {
      let isWanted = condition.rule == .isMissing
      return CheckFinding(hasPassed: isWanted, words: "\(what) is not there.")
    }
    switch condition.rule {
    case .exists: return CheckFinding(hasPassed: true, words: "\(what) is there.")
    case .isMissing: return CheckFinding(hasPassed: false, words: "\(what) is there.")
    case .contains(let text):
      guard found.kind == .file else { return Self.isNoFile(what) }
      let hasPassed = try await contains(Array(text.utf8), condition.path, machine)
      let words = hasPassed ? "contains" : "does not contain"
      return CheckFinding(hasPassed: hasPassed, words: "\(what) \(words) the text.")
    case .hasSHA256(let digits):
      guard found.kind == .file else { return Self.isNoFile(what) }
      let sum = try await sum(condition.path, machine)
      return CheckFinding(
        hasPassed: sum == digits.lowercased(),
        words: "The SHA-256 of \(what) is \(sum)."
      )
    }
  }

  private static func isNoFile(_ what: String) -> CheckFinding {
    CheckFinding(hasPassed: false, words: "\(what) is not a file.")
  }

  private func contains(
    _ wanted: [UInt8],
    _ path: String,
    _ machine: PointLook.Machine
  ) async throws(SiteError) -> Bool {
    var kept: [UInt8] = []
    let wanted = Data(wanted)
    var isFound = false
    try await read(path, machine) { part in
      let bytes = Data(kept) + part
      isFound = isFound || bytes.range(of: wanted) != nil
      kept = Array(bytes.suffix(wanted.count - 1))
      return !isFound
    }
    return isFound
  }

  private func sum(_ path: String, _ machine: PointLook.Machine) async throws(SiteError) -> String {
    var sum = SHA256()
    try await read(path, machine) { part in
      sum.update(data: part)
      return true
    }
    return sum.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  // MARK: A script's files

  /// Fetches what is there of the files that are named into a folder: `web1/vda1/etc/hosts`, and a
  /// folder as `web1/vda1/etc.tar`.
  func fetch(into folder: String) async throws(SiteError) {
    var byteCount = 0
    for condition in conditions where condition.rule != .isMissing {
      let machine = try machine(of: condition)
      guard let entry = try await entry(condition.path, of: machine),
        entry.kind == .file || entry.kind == .folder
      else { continue }
      // Names from the path the operator wrote, none of which leads back.
      let names = condition.path.split(separator: "/").filter { $0 != "." }.map(String.init)
      let name = try vm(condition.vm).name.replacing("/", with: "_")
      let end = entry.kind == .folder ? ".tar" : ""
      let path = ([folder, name] + names).joined(separator: "/") + end
      do {
        try FileManager.default.createDirectory(
          atPath: (path as NSString).deletingLastPathComponent,
          withIntermediateDirectories: true
        )
        guard FileManager.default.createFile(atPath: path, contents: nil),
          let file = FileHandle(forWritingAtPath: path)
        else { throw SiteError.failed("\(path) cannot be written.") }
        defer { try? file.close() }
        let content = try await site.appliance(of: try vm(condition.vm))
          .fileContent(machine.session, path: condition.path)
        for try await part in content.parts {
          byteCount += part.count
          guard byteCount <= Self.fetchLimit else {
            throw SiteError.failed("They are larger than \(Self.fetchLimit >> 20) MiB together.")
          }
          try file.write(contentsOf: part)
        }
      } catch let error as SiteError { throw error } catch {
        throw .failed("\(condition.path) was not fetched: \(error)")
      }
    }
  }

  // MARK: Reading

  /// What a path is; nil if there is nothing.
  private func entry(
    _ path: String,
    of machine: PointLook.Machine
  ) async throws(SiteError) -> FileListReply.Entry? {
    let request = FileListRequest(path: path, first: 0, count: 0)
    do throws(SiteError) {
      return try await site.appliance(of: try vm(machine.vm))
        .listFiles(machine.session, request).folder
    } catch {
      // So says a session that has ended, too.
      guard case .notFound = error, try await status(of: machine)?.state == .mounted else {
        throw error
      }
      return nil
    }
  }

  /// Reads a file until `body` wants no more of it.
  private func read(
    _ path: String,
    _ machine: PointLook.Machine,
    _ body: ([UInt8]) -> Bool
  ) async throws(SiteError) {
    let content = try await site.appliance(of: try vm(machine.vm))
      .fileContent(machine.session, path: path)
    do {
      for try await part in content.parts where !body(part) { return }
    } catch { throw .failed("\(path) was not read to its end: \(error)") }
  }

  private func status(
    of machine: PointLook.Machine
  ) async throws(SiteError) -> FileSessionStatus? {
    try await site.appliance(of: try vm(machine.vm)).fileSessions()
      .first { $0.identifier == machine.session }
  }

  private func machine(
    of condition: PointCheck.FileCondition
  ) throws(SiteError) -> PointLook.Machine {
    guard let machine = look.machines.first(where: { $0.vm == condition.vm }) else {
      throw .failed("The VM \(condition.vm) is not looked at.")
    }
    return machine
  }

  private func vm(_ identifier: VMIdentifier) throws(SiteError) -> VPGDefinition.ProtectedVM {
    guard let vm = site.definition.vms.first(where: { $0.identifier == identifier }) else {
      throw .notFound("The VPG \(site.definition.name) has no VM \(identifier).")
    }
    return vm
  }
}
