// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Foundation
internal import Glibc

/// Runs scripts of the repository as an unprivileged user.
package struct ScriptRunner: ScriptRunning {
  /// Whom scripts run as where nothing else was said, if there is such a user.
  package static let usualUser = "understudy-scripts"
  /// Whom they run as where there is not.
  package static let lastUser = "nobody"

  private static let lastWordsLimit = 500
  /// What is kept of the files that one run leaves.
  private static let leftCount = 50

  private let home: ScriptFolders
  private let userName: String?

  package var folders: ScriptFolders? { home }

  /// `userName`: Whom scripts run as; nil is ``usualUser`` or ``lastUser``.
  package init(folders: ScriptFolders, userName: String?) {
    home = folders
    self.userName = userName
  }

  package func run(_ job: ScriptJob) async -> ScriptResult {
    let run = home.runs + "/" + UUID().uuidString.lowercased()
    defer { try? FileManager.default.removeItem(atPath: run) }
    let result: ScriptProcess.Result
    do throws(ScriptError) {
      let plan = try plan(job, run)
      if let fill = job.fill { try await self.fill(plan, by: fill) }
      result = await ScriptProcess().run(plan)
    } catch {
      return ScriptResult(ending: .refused(error.message))
    }
    if case .refused = result.ending { return ScriptResult(ending: result.ending) }
    let text = String(decoding: result.printed, as: UTF8.self)
    let kept = try? keep(result, from: run, in: job.outputNames)
    return ScriptResult(
      ending: result.ending,
      lastWords: String(
        text.suffix(Self.lastWordsLimit).trimmingCharacters(in: .whitespacesAndNewlines)
      ),
      outputPath: kept?.description
    )
  }

  /// The user that scripts run as, looked up each time: never root.
  package func account() throws(ScriptError) -> (user: UInt32, group: UInt32) {
    let names = userName.map { [$0] } ?? [Self.usualUser, Self.lastUser]
    for name in names {
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      var buffer = [CChar](repeating: 0, count: 16384)
      getpwnam_r(name, &entry, &buffer, buffer.count, &found)
      guard found != nil else { continue }
      guard entry.pw_uid != 0, entry.pw_gid != 0 else {
        throw .failed("Scripts never run as root, and the user \(name) is that.")
      }
      return (entry.pw_uid, entry.pw_gid)
    }
    throw .failed("There is no user \(names.joined(separator: " or ")) that scripts could run as.")
  }

  private func plan(_ job: ScriptJob, _ run: String) throws(ScriptError) -> ScriptProcess.Plan {
    let script = try home.script(job.command)
    let (user, group) = try account()
    guard mkdir(run, 0o700) == 0, chown(run, user, group) == 0 else {
      throw .failed("The folder of the run cannot be made: \(reason()).")
    }
    let files = job.fill.map { _ in ("UNDERSTUDY_FILES", UNDERSTUDY_SCRIPT_OUTPUT + "/files") }
    let variables =
      job.variables + [files].compactMap(\.self) + [
        ("ZertoOutputDir", UNDERSTUDY_SCRIPT_OUTPUT), ("ZertoWorkingDir", UNDERSTUDY_SCRIPT_FOLDER),
        ("UNDERSTUDY_REPOSITORY", UNDERSTUDY_SCRIPT_REPOSITORY),
      ]
    let usual = [
      ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
      ("LC_ALL", "C.UTF-8"), ("HOME", UNDERSTUDY_SCRIPT_FOLDER),
      ("TMPDIR", UNDERSTUDY_SCRIPT_FOLDER),
    ]
    return ScriptProcess.Plan(
      repository: home.repository.root,
      outputFolder: run,
      arguments: [UNDERSTUDY_SCRIPT_REPOSITORY + script.description]
        + (try ScriptParameters.read(job.parameters, variables: variables)),
      environment: (usual + variables).map { "\($0.0)=\($0.1.replacing("\0", with: ""))" },
      user: user,
      group: group,
      timeout: job.timeout
    )
  }

  /// Has the files of a run put where its script sees them, which then owns them.
  private func fill(
    _ plan: ScriptProcess.Plan,
    by body: @Sendable (String) async throws -> Void
  ) async throws(ScriptError) {
    let folder = plan.outputFolder + "/files"
    guard mkdir(folder, 0o700) == 0 else {
      throw .failed("The folder for the script's files cannot be made: \(reason()).")
    }
    do { try await body(folder) } catch {
      throw .failed("The script's files are not there: \(error).")
    }
    let below = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    for path in [folder] + below.map({ folder + "/" + $0 })
    where lchown(path, plan.user, plan.group) != 0 {
      throw .failed("\(path) cannot be given to the script: \(reason()).")
    }
  }

  /// Puts what was printed, and the files that were left, into the output area.
  private func keep(
    _ result: ScriptProcess.Result,
    from run: String,
    in names: [String]
  ) throws(ScriptError) -> ScriptPath {
    try home.makeRoom()
    var folder = ScriptPath(names: [])
    for name in names {
      folder = try ScriptPath(folder.appending(Self.plain(name)).description)
      do throws(ScriptError) { try home.output.makeFolder(folder) } catch {
        // It is there already.
        guard case .conflict = error else { throw error }
      }
    }
    let left = ScriptArea(root: run)
    for item in try left.items(in: ScriptPath(names: []), matching: nil).prefix(Self.leftCount)
    where !item.isFolder {
      guard let bytes = try? left.read(item.path) else { continue }
      try? home.output.write(bytes, to: folder.appending(item.path.name), overwrites: true)
    }
    var printed = result.printed
    if printed.count >= ScriptProcess.printedLimit {
      printed += Array("\n[what came then is not kept]\n".utf8)
    }
    let path = folder.appending("printed.txt")
    try home.output.write(printed, to: path, overwrites: true)
    return path
  }

  /// A name of any text.
  private static func plain(_ name: String) -> String {
    let text = String(
      name.unicodeScalars.prefix(60).map {
        $0.value < 0x20 || $0.value == 0x7F || "/\\".unicodeScalars.contains($0)
          ? "_" : Character($0)
      }
    )
    return text.isEmpty || text.hasPrefix(".") ? "_" + text : text
  }
}
