// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel
internal import Scripts

// The scripts of a VPG, run by this site around a recovery: `docs/operating/scripts.md`.

extension RecoverySteps {
  /// Why a script that was begun by a manager that is gone has failed.
  static let cutShort =
    "The script was ended with the manager, which was stopped or killed while it ran or was about "
    + "to. It is not run again: how much of it was done is not known."

  /// Runs a script to its end and says how it went.
  ///
  /// - Throws: The same if it did not end with status 0 in its time.
  func run(
    _ script: RecoveryWorkflow.Script,
    of workflow: RecoveryWorkflow,
    _ definition: VPGDefinition
  ) async throws(SiteError) -> String {
    let settings = definition.scripting[script]
    let what = "The \(script.words) \(settings.command ?? "")"
    guard let scripts = context.scripts else {
      throw .failed("\(what) was not run: this site runs none.")
    }
    let result = await scripts.run(
      job(
        settings.command ?? "",
        settings.parameters ?? "",
        as: script.rawValue,
        timeout: .seconds(max(settings.timeoutInSeconds, 1)),
        of: ScriptSubject(workflow),
        definition
      )
    )
    let output = Self.words(of: result)
    switch result.ending {
    case .exited(0): return "\(what) ended well.\(output)"
    case .exited(let status): throw .failed("\(what) ended with status \(status).\(output)")
    case .timedOut:
      throw .failed(
        "\(what) was ended, with all it had started: its \(settings.timeoutInSeconds) seconds were "
          + "up.\(output)"
      )
    case .stopped: throw .failed("\(what) was ended with the manager.\(output)")
    case .refused(let why): throw .failed("\(what) was not run. \(why)")
    }
  }

  /// What is to be run of a recovery, or beside one; `name` says which of its scripts it is.
  func job(
    _ command: String,
    _ parameters: String,
    as name: String,
    timeout: Duration,
    of subject: ScriptSubject,
    _ definition: VPGDefinition
  ) -> ScriptJob {
    ScriptJob(
      command: command,
      parameters: parameters,
      timeout: timeout,
      variables: variables(name, subject, definition),
      outputNames: [
        definition.name, "\(Self.compact(context.now()))-\(subject.operation)-\(name)",
      ]
    )
  }

  static func words(of result: ScriptResult) -> String {
    guard let path = result.outputPath else { return "" }
    return result.lastWords.isEmpty
      ? " It printed nothing." : " What it printed is in \(path): \(result.lastWords)"
  }

  /// What a script finds in its environment.
  private func variables(
    _ name: String,
    _ subject: ScriptSubject,
    _ definition: VPGDefinition
  ) -> [(name: String, value: String)] {
    [
      ("ZertoVPGName", definition.name),
      ("ZertoInternalVpgName", definition.identifier.rawValue),
      ("ZertoOperation", subject.operation),
      ("ZertoForce", subject.isForced ? "Yes" : "No"),
      ("VmDisplayNames", subject.names.joined(separator: ",")),
      ("ZertoHypervisorManagerIP", context.settings.peerHost),
      ("ZertoHypervisorManagerPort", "\(context.settings.peerPort)"),
      ("ZertoVCenterIP", context.settings.peerHost),
      ("ZertoVCenterPort", "\(context.settings.peerPort)"),
      ("UNDERSTUDY_SCRIPT", name),
      ("UNDERSTUDY_IS_TEST", subject.isTest ? "yes" : "no"),
      ("UNDERSTUDY_RECOVERY", subject.identifier),
      ("UNDERSTUDY_CHECKPOINT", "\(subject.checkpoint.identifier)"),
      ("UNDERSTUDY_CHECKPOINT_TIME", Self.time(subject.checkpoint.time)),
      ("UNDERSTUDY_CHECKPOINT_TAG", subject.checkpoint.tag),
      ("UNDERSTUDY_SITE", context.settings.name),
      ("UNDERSTUDY_VM_NAMES", subject.names.joined(separator: "\n")),
      ("UNDERSTUDY_VM_UUIDS", subject.uuids.joined(separator: "\n")),
    ]
  }

  private static func time(_ time: WallTime) -> String {
    Date(timeIntervalSince1970: Double(time.milliseconds) / 1000)
      .formatted(.iso8601.time(includingFractionalSeconds: true))
  }

  /// `20261129T101500.250Z`.
  private static func compact(_ time: WallTime) -> String {
    self.time(time).filter { $0 != "-" && $0 != ":" }
  }
}

extension RecoveryWorkflow {
  /// What a script is told of what goes on.
  var scriptOperation: String {
    let isBack = stage == .undoing
    return switch kind {
    case .test: "Test"
    case .failover: isBack ? "FailoverRollback" : "FailoverBeforeCommit"
    case .move: isBack ? "MoveRollback" : "MoveBeforeCommit"
    }
  }
}

extension RecoveryWorkflow.Kind {
  /// Whether the recovery goes on though its script before failed.
  var isForced: Bool {
    switch self {
    case .test: false
    case .failover: true
    case .move(let wish): wish.continuesOnScriptFailure == true
    }
  }
}

extension VPGDefinition.Scripting {
  subscript(script: RecoveryWorkflow.Script) -> VPGDefinition.Script {
    switch script {
    case .preRecovery: preRecovery
    case .postRecovery: postRecovery
    }
  }
}
