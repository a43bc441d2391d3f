// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

// What a recovery shows of the data it recovered.

extension StoredRecovery {
  /// Notes what a step that is done has checked; most check nothing.
  ///
  /// It says what the step found out, and no more: that a VM runs does not mean that its guest is
  /// well.
  mutating func noteVerification(by step: RecoveryWorkflow.Step, at time: WallTime) {
    let checkpoint = workflow.checkpoint.identifier
    switch step {
    case .settleSource:
      note(
        "All VMs of the VPG",
        "They were off, and their last write was durable in every journal before checkpoint "
          + "\(checkpoint) was made: nothing they wrote is missing.",
        time
      )
    case .openExport(let machine):
      note(
        workflow.machines[machine].name,
        "The journal has checkpoint \(checkpoint) complete, outside any sync, and its disks were "
          + "opened as of it.",
        time
      )
    case .startVM(let machine):
      note(
        workflow.machines[machine].name,
        "The hypervisor started the VM from these disks and reports that it runs.",
        time
      )
    case .part, .shutDownSource, .standDownSource, .refuseWrites, .awaitGuests, .setAddresses,
      .runScript, .promote, .adoptReplicas, .closeExport, .dropJournal, .retireSource, .reverse,
      .removeVM, .acceptWrites, .standUpSource:
      break
    }
  }

  /// Notes what came true inside guests, and what did not.
  mutating func note(_ findings: RecoverySteps.Findings, at time: WallTime) {
    for words in findings.successes { note(findings.subject, words, time) }
    for words in findings.shortfalls { note(findings.subject, words, hasPassed: false, time) }
    guard !findings.shortfalls.isEmpty else { return }
    shortfalls = (shortfalls ?? []) + findings.shortfalls
  }

  /// Notes how a script ended.
  mutating func note(
    _ script: RecoveryWorkflow.Script,
    _ words: String,
    hasPassed: Bool,
    at time: WallTime
  ) {
    note("The \(script.words)", words, hasPassed: hasPassed, time)
  }

  /// Notes what the person who stops a test, or it for some VMs, says of it.
  ///
  /// A test that failed for a VM has failed, whatever is said of the others.
  mutating func noteVerdict(
    _ succeeded: Bool,
    _ summary: String,
    on request: RecoveryWorkflow.Request,
    by user: String,
    at time: WallTime
  ) {
    let names: String? =
      if case .leaveTest(let vms) = request { workflow.names(of: vms) } else { nil }
    wasTestSuccessful = wasTestSuccessful != false && succeeded
    let remark = summary.isEmpty ? "" : (names.map { "\($0): " } ?? "") + summary
    notes = [notes ?? "", remark].filter { !$0.isEmpty }.joined(separator: "\n")
    let words = succeeded ? "a success" : "a failure"
    note(
      names ?? "The test as a whole",
      "\(user) called it \(words)" + (summary.isEmpty ? "." : ": \(summary)"),
      hasPassed: succeeded,
      time
    )
  }

  private mutating func note(
    _ subject: String,
    _ finding: String,
    hasPassed: Bool = true,
    _ time: WallTime
  ) {
    let verification = RecoveryReport.Verification(
      subject: subject,
      finding: finding,
      hasPassed: hasPassed,
      time: time
    )
    verifications = (verifications ?? []) + [verification]
  }
}
