// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

/// Looks at the journals this site keeps, and has their alerts turned on and off.
struct AlertWatch: Sendable {
  private static let interval = Duration.seconds(1)

  let context: SiteContext
  let alerts: AlertBook

  /// Runs until the task is cancelled.
  func run() async {
    while !Task.isCancelled {
      await look()
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  private func look() async {
    var kept: Set<StreamIdentifier> = []
    for record in await context.vpgs.all()
    where record.definition.recoverySite == context.site && record.phase != .deleting {
      for vm in record.definition.vms {
        kept.insert(vm.stream)
        // What is not known changes nothing.
        guard let journal = await context.appliances.journal(vm.stream) else { continue }
        let rules = JournalAlertRules(
          vm: vm.name,
          stream: vm.stream,
          vpg: record.definition.identifier
        )
        let conditions = rules.conditions(
          Self.facts(journal, of: vm, in: record.definition),
          raised: await alerts.raised(for: vm.stream)
        )
        await alerts.set(conditions, for: vm.stream)
      }
    }
    await alerts.keepOnly(kept)
  }

  private static func facts(
    _ journal: JournalStatus,
    of vm: VPGDefinition.ProtectedVM,
    in definition: VPGDefinition
  ) -> JournalAlertRules.Facts {
    let limits = definition.journalLimits(of: vm)
    var facts = JournalAlertRules.Facts()
    facts.usedByteCount = journal.journalByteCount
    facts.hardLimitByteCount = limits.hardLimitByteCount(of: vm)
    facts.warningByteCount = limits.warningByteCount(of: vm)
    facts.wantedSeconds = definition.policy.journalHistoryInHours * 3600
    facts.keptSeconds = journal.history.shortage.map { _ in journal.history.keptInSeconds }
    facts.isDiskShort = journal.history.isDiskFull || journal.history.shortage == .disk
    facts.lastError = journal.lastError
    return facts
  }
}

extension VPGDefinition.StorageLimits {
  /// What a VM's journal may take; nil is as much as there is.
  func hardLimitByteCount(of vm: VPGDefinition.ProtectedVM) -> UInt64? {
    Self.byteCount(hardLimitInMB, hardLimitInPercent, of: vm)
  }

  /// What a VM's journal may take before a warning; nil is no warning.
  func warningByteCount(of vm: VPGDefinition.ProtectedVM) -> UInt64? {
    Self.byteCount(warningThresholdInMB, warningThresholdInPercent, of: vm)
  }

  /// Percent are of the size of the VM's disks.
  private static func byteCount(
    _ megabytes: Int?,
    _ percent: Int?,
    of vm: VPGDefinition.ProtectedVM
  ) -> UInt64? {
    if let megabytes, megabytes > 0 { return UInt64(megabytes) << 20 }
    guard let percent, percent > 0 else { return nil }
    return vm.volumes.map(\.byteCount).reduce(0, +) / 100 * UInt64(percent)
  }
}
