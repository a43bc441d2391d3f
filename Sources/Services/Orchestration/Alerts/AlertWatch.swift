// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Hypervisor
internal import RecoveryModel
internal import Store

/// Looks at everything alerts are about, and has them turned on and off.
struct AlertWatch: Sendable {
  private static let interval = Duration.seconds(1)
  /// Looks between two at the VPGs, of which there may be thousands.
  private static let looksPerVPG = 5

  let context: SiteContext
  let alerts: AlertBook
  let witnesses: VPGWitnesses
  let checkpoints: CheckpointKeeper
  let recovery: any RecoveryOperating

  /// How long whom was silent, and what the VPGs were at when they were last looked at.
  private struct Memory {
    var silences: [AlertCondition.Subject: SilenceRule] = [:]
    var substatuses: [VPGIdentifier: VPGSubstatus] = [:]
    var rpoExceededAt: [VPGIdentifier: WallTime] = [:]
    var looks = 0
    /// As they were when this look began.
    var tweaks = Tweaks()
  }

  /// Runs until the task is cancelled.
  func run() async {
    var memory = Memory()
    while !Task.isCancelled {
      await look(&memory)
      do { try await Task.sleep(for: Self.interval) } catch { return }
    }
  }

  private func look(_ memory: inout Memory) async {
    let records = await context.vpgs.all()
    memory.tweaks = await context.tweaks.tweaks
    var kept: Set<AlertCondition.Subject> = []
    let isVPGLook = memory.looks % Self.looksPerVPG == 0
    let judge = await witnesses.judge(of: isVPGLook ? records : [])
    for record in records
    where record.definition.recoverySite == context.site && record.phase != .deleting {
      for vm in record.definition.vms {
        kept.insert(.stream(vm.stream))
        if let journal = judge.appliances.journal(vm.stream) {
          await look(at: journal, of: vm, record.definition, memory.tweaks)
        }
      }
    }
    for record in records where record.phase != .creating && record.phase != .deleting {
      kept.insert(.vpg(record.definition.identifier))
      if isVPGLook { await look(at: record, judge.view(record), &memory) }
    }
    await lookAtScratch(of: records, measures: isVPGLook, &kept)
    await lookAtAppliances(&memory, &kept)
    await lookAtPeers(records, &memory, &kept)
    await alerts.keepOnly(kept)
    memory.silences = memory.silences.filter { kept.contains($0.key) }
    memory.substatuses = memory.substatuses.filter { kept.contains(.vpg($0.key)) }
    memory.rpoExceededAt = memory.rpoExceededAt.filter { kept.contains(.vpg($0.key)) }
    memory.looks += 1
  }

  // MARK: VPGs

  private func look(at record: VPGRecord, _ view: VPGView, _ memory: inout Memory) async {
    let definition = record.definition
    let vpg = definition.identifier
    var facts = VPGAlertRules.Facts()
    facts.rpoInSeconds = view.actualRPOInSeconds
    facts.rpoTargetInSeconds = definition.policy.rpoTargetInSeconds
    facts.isPaused = view.isPaused
    facts.latestCheckpoint = view.latestCheckpoint?.time
    facts.checkpointIntervalInSeconds = max(
      definition.policy.checkpointIntervalInSeconds,
      memory.tweaks.value(of: .checkpointInterval)
    )
    let skips = await checkpoints.skipped(of: vpg)
    facts.skippingSince = skips.since
    facts.skippingReason = skips.reason
    facts.isProtected = record.phase == .protecting
    facts.splitBrain = view.splitBrain.map { "\($0.words)" } ?? ""
    facts.now = context.now()
    if facts.rpoInSeconds > facts.rpoTargetInSeconds { memory.rpoExceededAt[vpg] = facts.now }
    facts.rpoExceededAt = memory.rpoExceededAt[vpg]
    let rules = VPGAlertRules(name: definition.name, vpg: vpg, tweaks: memory.tweaks)
    let raised = await alerts.raised(for: .vpg(vpg))
    await alerts.set(rules.conditions(facts, raised: raised), for: .vpg(vpg))
    // The protected site tells of syncs, so that there is one event of each.
    guard definition.protectedSite == context.site else { return }
    let before = memory.substatuses.updateValue(view.substatus, forKey: vpg)
    if let before, before != view.substatus, before.isSync || view.substatus.isSync {
      await context.events.record(
        view.substatus == .initialSync ? .initialSync : .unknown,
        view.substatus.isSync
          ? "The VPG \(definition.name) began \(view.substatus.words)."
          : "The VPG \(definition.name) ended \(before.words).",
        vpgs: [vpg]
      )
    }
  }

  // MARK: Appliances and peers

  private func lookAtAppliances(
    _ memory: inout Memory,
    _ kept: inout Set<AlertCondition.Subject>
  ) async {
    for appliance in context.appliances.all {
      let name = appliance.identifier
      let isAnswering = await context.appliances.sighting(of: name)?.isReachable ?? false
      await look(
        .appliance(name),
        isAnswering,
        AlertCondition(
          kind: .applianceLost,
          subject: .appliance(name),
          vpgs: [],
          description: "The appliance \(name) does not answer."
        ),
        &memory,
        &kept
      )
    }
  }

  private func lookAtPeers(
    _ records: [VPGRecord],
    _ memory: inout Memory,
    _ kept: inout Set<AlertCondition.Subject>
  ) async {
    for peer in await context.peers.all() {
      await look(
        .peer(peer.site),
        await context.peers.isConnected(peer.site),
        AlertCondition(
          kind: .peerLost,
          subject: .peer(peer.site),
          vpgs: records.map(\.definition).filter { $0.peer(of: context.site) == peer.site }
            .map(\.identifier),
          description: "The manager of the site \(peer.name) does not answer."
        ),
        &memory,
        &kept
      )
    }
  }

  private func look(
    _ subject: AlertCondition.Subject,
    _ isAnswering: Bool,
    _ condition: AlertCondition,
    _ memory: inout Memory,
    _ kept: inout Set<AlertCondition.Subject>
  ) async {
    kept.insert(subject)
    // What is not known changes nothing.
    guard
      let isLost = memory.silences[subject, default: SilenceRule()].look(
        isAnswering: isAnswering,
        patience: memory.tweaks.value(of: .silenceAlert)
      )
    else { return }
    await alerts.set(isLost ? [condition] : [], for: subject)
  }

  // MARK: Scratch space and journals

  private func lookAtScratch(
    of records: [VPGRecord],
    measures: Bool,
    _ kept: inout Set<AlertCondition.Subject>
  ) async {
    for workflow in await recovery.waiting() {
      let record = records.first { $0.definition.identifier == workflow.vpg }
      guard let definition = record?.definition else { continue }
      for machine in workflow.machines {
        guard let vm = definition.vms.first(where: { $0.stream == machine.stream }),
          let recovered = machine.recovered
        else { continue }
        kept.insert(.scratch(vm.stream))
        guard measures else { continue }
        await look(at: recovered, of: vm, definition, isTest: workflow.kind == .test)
      }
    }
  }

  /// Measures what a recovered VM has written, and pauses a test that is at its limit.
  private func look(
    at recovered: VMIdentifier,
    of vm: VPGDefinition.ProtectedVM,
    _ definition: VPGDefinition,
    isTest: Bool
  ) async {
    // What is not known changes nothing; the next look is in five seconds.
    guard let machine = try? await context.hypervisor.virtualMachine(recovered) else { return }
    let limits = definition.scratchLimits(of: vm)
    var facts = ScratchRules.Facts()
    facts.usedByteCount = machine.disks.map(\.allocatedByteCount).reduce(0, +)
    facts.hardLimitByteCount = limits.hardLimitByteCount(of: vm)
    facts.warningByteCount = limits.warningByteCount(of: vm)
    facts.isTest = isTest
    if facts.callsForPause, machine.power == .running {
      do { try await context.hypervisor.pause(recovered) } catch { return }
    }
    let rules = ScratchRules(vm: vm.name, stream: vm.stream, vpg: definition.identifier)
    await alerts.set(rules.conditions(facts), for: .scratch(vm.stream))
  }

  private func look(
    at journal: JournalStatus,
    of vm: VPGDefinition.ProtectedVM,
    _ definition: VPGDefinition,
    _ tweaks: Tweaks
  ) async {
    let rules = JournalAlertRules(
      vm: vm.name,
      stream: vm.stream,
      vpg: definition.identifier,
      tweaks: tweaks
    )
    let conditions = rules.conditions(
      Self.facts(journal, of: vm, in: definition),
      raised: await alerts.raised(for: .stream(vm.stream))
    )
    await alerts.set(conditions, for: .stream(vm.stream))
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
    facts.damage = journal.damage
    facts.moveFailure = journal.move?.failure ?? ""
    return facts
  }
}

extension VPGDefinition.StorageLimits {
  /// What a VM's journal, or scratch space, may take; nil is as much as there is.
  func hardLimitByteCount(of vm: VPGDefinition.ProtectedVM) -> UInt64? {
    Self.byteCount(hardLimitInMB, hardLimitInPercent, of: vm)
  }

  /// What it may take before a warning; nil is no warning.
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

extension SplitBrain {
  /// What is wrong, as it follows the VPG's name in an alert.
  fileprivate var words: String {
    let names = vms.joined(separator: ", ")
    let what =
      switch cause {
      case .bothRun: "has a split brain: of \(names) one runs at each of its sites."
      case .bothProtect: "has a split brain: each of its sites protects \(names)."
      case .neitherProtects:
        "has a split brain: each of its sites leaves it to the other to protect \(names)."
      case .isBeingResolved:
        "has a split brain whose end is still being carried out for \(names)."
      }
    return what + " Nothing is protected until it is resolved (“understudy vpg resolve”)."
  }
}

extension VPGSubstatus {
  /// Whether the VPG is being brought in step, and makes no checkpoints meanwhile.
  fileprivate var isSync: Bool {
    [.initialSync, .sync, .deltaSync, .bitmapSync].contains(self)
  }

  /// The sync, as a person calls it.
  fileprivate var words: String {
    switch self {
    case .initialSync: "its initial sync"
    case .deltaSync: "a delta sync"
    case .bitmapSync: "a bitmap sync"
    default: "a sync"
    }
  }
}
