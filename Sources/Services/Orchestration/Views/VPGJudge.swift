// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel
internal import Store

/// Puts together what both sites know about VPGs, as it was when ``VPGWitnesses`` were heard.
///
/// It asks nobody: a listing of thousands of VPGs is arithmetic.
struct VPGJudge: Sendable {
  let site: SiteIdentifier
  /// What people call this site and its peers.
  let siteNames: [SiteIdentifier: String]
  let appliances: ApplianceSightings
  /// Streams of this site whose VMs are off.
  let resting: Set<StreamIdentifier>
  let peers: PeerSightings
  let troubles: StreamTroubles
  let recoveries: [VPGIdentifier: RecoveryProgress]
  /// What VMs of this site take of their hosts.
  let readings: [VMIdentifier: ResourceMeter.Reading]
  /// VPGs that both of their sites act for.
  let splitBrains: [VPGIdentifier: SplitBrain]
  let now: WallTime

  /// All that is known about one VPG, and by whom.
  private struct Knowledge {
    var peer: VPGShare?
    var isPeerConnected: Bool
    var streams: [StreamStatus]
    var journals: [JournalStatus]
    var rates: StreamRate.Rate
    var isPaused: Bool
    var lastTest: WallTime?
    var recovery: RecoveryProgress?
    var hasVMFault: Bool
    var needsConfiguration = false
  }

  // MARK: For the peer

  /// This site's share of a VPG.
  func share(_ record: VPGRecord) -> VPGShare {
    let knowledge = knowledge(of: record, record.definition)
    let latest = latestCheckpoint(record.definition, knowledge)
    let assessment = assessment(record, record.definition, knowledge, latest)
    let isProtected = record.definition.protectedSite == site
    var share = VPGShare(
      definition: record.definition,
      status: assessment.status,
      substatus: assessment.substatus,
      progress: assessment.progress,
      isPaused: knowledge.isPaused,
      lastTest: record.lastTest,
      testStage: isProtected ? nil : knowledge.recovery?.testStage,
      streams: isProtected ? knowledge.streams : [],
      writesPerSecond: isProtected ? knowledge.rates.writes : 0,
      bytesPerSecond: isProtected ? knowledge.rates.bytes : 0,
      journals: isProtected ? [] : knowledge.journals
    )
    if isProtected {
      for vm in record.definition.vms { share.use[vm.stream] = use(of: vm) }
    }
    return share
  }

  /// What a VM of this site uses.
  private func use(of vm: VPGDefinition.ProtectedVM) -> VMUse {
    var use = VMUse()
    let rate = appliances.rate(of: vm.stream)
    use.writesPerSecond = rate.writes
    use.bytesPerSecond = rate.bytes
    use.sentBytesPerSecond = rate.sentBytes
    use.applianceName = appliances.sender(of: vm.stream)?.rawValue ?? ""
    let reading = readings[vm.identifier]
    use.cpuUsedInMHz = reading?.cpuUsedInMHz
    use.activeMemoryInMB = reading?.activeMemoryInMB
    use.consumedMemoryInMB = reading?.consumedMemoryInMB
    return use
  }

  /// What a VM uses, as its site measured it; zeros while that site does not answer.
  private func use(of vm: VPGDefinition.ProtectedVM, in record: VPGRecord) -> VMUse {
    let protectedSite = record.definition.protectedSite
    if protectedSite == site { return use(of: vm) }
    guard peers.isConnected(protectedSite) else { return VMUse() }
    return peers.share(of: record.definition.identifier, at: protectedSite)?
      .use[vm.stream] ?? VMUse()
  }

  // MARK: For people

  func view(_ record: VPGRecord) -> VPGView {
    let definition = record.definition
    let knowledge = knowledge(of: record, definition)
    let latest = latestCheckpoint(definition, knowledge)
    var assessment = assessment(record, definition, knowledge, latest)
    let splitBrain = splitBrains[definition.identifier]
    if let splitBrain { assessment.show(splitBrain) }
    let provisioned = definition.provisionedByteCount
    let used = knowledge.journals.reduce(0) { $0 + $1.journalByteCount + $1.replicaByteCount }
    let earliest = knowledge.journals.compactMap(\.earliestCheckpoint)
      .max { $0.identifier < $1.identifier }
    let history = latest.flatMap { latest in
      earliest.map { latest.time.seconds(since: $0.time) }
    }
    var view = VPGView(
      definition: definition,
      protectedSiteName: siteName(definition.protectedSite),
      recoverySiteName: siteName(definition.recoverySite),
      status: assessment.status,
      substatus: assessment.substatus,
      progress: assessment.progress,
      actualRPOInSeconds: assessment.rpoInSeconds,
      writesPerSecond: knowledge.rates.writes,
      throughputInMBPerSecond: knowledge.rates.bytes / 1_048_576,
      provisionedStorageInMB: Int64(provisioned >> 20),
      usedStorageInMB: Int64(used >> 20),
      actualHistoryInMinutes: Int(max(0, history ?? 0) / 60),
      earliestCheckpoint: latest == nil ? nil : earliest,
      latestCheckpoint: latest,
      lastTest: knowledge.lastTest,
      testStage: knowledge.recovery?.testStage ?? knowledge.peer?.testStage,
      isPaused: knowledge.isPaused
    )
    view.splitBrain = splitBrain
    return view
  }

  /// What is known about one VM of a VPG.
  struct VMFacts {
    var stream: StreamStatus?
    var journal: JournalStatus?
    var use: VMUse
  }

  func facts(of vm: VPGDefinition.ProtectedVM, in record: VPGRecord) -> VMFacts {
    let knowledge = knowledge(of: record, record.definition)
    return VMFacts(
      stream: knowledge.streams.first { $0.stream == vm.stream },
      journal: knowledge.journals.first { $0.stream == vm.stream },
      use: use(of: vm, in: record)
    )
  }

  /// What the stream of one VM does, as far as is known.
  func stream(_ stream: StreamIdentifier, of record: VPGRecord) -> StreamStatus? {
    knowledge(of: record, record.definition).streams.first { $0.stream == stream }
  }

  private func siteName(_ site: SiteIdentifier) -> String {
    siteNames[site] ?? site.rawValue
  }

  // MARK: Knowing

  private func knowledge(of record: VPGRecord, _ definition: VPGDefinition) -> Knowledge {
    let vpg = definition.identifier
    let peer = definition.peer(of: site)
    let isConnected = definition.isWithinOneSite || peers.isConnected(peer)
    let share = definition.isWithinOneSite ? nil : peers.share(of: vpg, at: peer)
    var knowledge = Knowledge(
      peer: share,
      isPeerConnected: isConnected,
      streams: [],
      journals: [],
      rates: StreamRate.Rate(),
      isPaused: record.isPaused,
      lastTest: record.lastTest,
      recovery: nil,
      hasVMFault: false
    )
    if definition.protectedSite == site {
      for stream in definition.streams {
        if let status = appliances.stream(stream) {
          knowledge.streams.append(resting.contains(stream) ? status.atRest : status)
        }
        let rate = appliances.rate(of: stream)
        knowledge.rates.writes += rate.writes
        knowledge.rates.bytes += rate.bytes
        if !troubles.fault(of: stream).isEmpty { knowledge.hasVMFault = true }
        if !troubles.differences(of: stream).isEmpty { knowledge.needsConfiguration = true }
      }
      if !definition.isWithinOneSite {
        // The last that was heard of the journals still says what can be gone back to.
        knowledge.journals = share?.journals ?? []
        knowledge.lastTest = share?.lastTest
      }
    }
    if definition.recoverySite == site {
      // Each look at a stream is a look at memory far away: none that is for nothing.
      if !appliances.isEmpty {
        knowledge.journals += definition.streams.compactMap(appliances.journal)
      }
      knowledge.recovery = recoveries[vpg]
      if let share {
        knowledge.isPaused = share.isPaused
        if isConnected {
          knowledge.streams = share.streams
          knowledge.rates.writes = share.writesPerSecond
          knowledge.rates.bytes = share.bytesPerSecond
          knowledge.hasVMFault = share.substatus == .vmNotProtectedError
          knowledge.needsConfiguration = share.substatus == .needsConfiguration
        }
      }
    }
    return knowledge
  }

  /// The newest checkpoint that is in all the VPG's journals; nil if one has none.
  private func latestCheckpoint(
    _ definition: VPGDefinition,
    _ knowledge: Knowledge
  ) -> Checkpoint? {
    guard !knowledge.journals.isEmpty else { return nil }
    let latest = knowledge.journals.compactMap(\.latestCheckpoint)
    guard latest.count == definition.vmCount else { return nil }
    return latest.min { $0.identifier < $1.identifier }
  }

  private func assessed(
    _ definition: VPGDefinition,
    _ known: [StreamStatus]
  ) -> [VPGAssessment.Stream?] {
    guard !known.isEmpty else { return Array(repeating: nil, count: definition.vmCount) }
    return definition.streams.map { stream in
      known.first { $0.stream == stream }.map {
        VPGAssessment.Stream(
          sync: $0.sync,
          needsSync: $0.needsSync,
          progress: $0.syncProgress,
          isConnected: $0.isConnected,
          rpoInMilliseconds: $0.rpoInMilliseconds
        )
      }
    }
  }

  private func assessment(
    _ record: VPGRecord,
    _ definition: VPGDefinition,
    _ knowledge: Knowledge,
    _ latestCheckpoint: Checkpoint?
  ) -> VPGAssessment {
    var facts = VPGAssessment.Facts()
    facts.phase = record.phase.assessed
    facts.isPaused = knowledge.isPaused
    facts.isSuspended = record.suspensions.contains { now < $0.until }
    facts.isPeerConnected = knowledge.isPeerConnected
    facts.rpoTargetInSeconds = definition.policy.rpoTargetInSeconds
    facts.streams = assessed(definition, knowledge.streams)
    facts.hasVMFault = knowledge.hasVMFault
    facts.needsConfiguration = knowledge.needsConfiguration
    facts.hasJournalFault = knowledge.journals.contains { !$0.lastError.isEmpty }
    facts.isHistoryShort = knowledge.journals.contains { $0.history.shortage != nil }
    facts.latestCheckpoint = latestCheckpoint?.time
    facts.now = now
    var assessment = VPGAssessment(facts)
    if let progress = knowledge.recovery, progress.testStage == nil {
      assessment.status = progress.status
      assessment.substatus = progress.substatus
    } else if record.phase.isLeaving, knowledge.isPeerConnected,
      let peer = knowledge.peer, peer.status.isBeingRecovered
    {
      assessment.status = peer.status
      assessment.substatus = peer.substatus
    }
    return assessment
  }
}

extension VPGAssessment {
  /// A recovery that waits for its commit goes on to say so; its alert says the rest.
  fileprivate mutating func show(_ splitBrain: SplitBrain) {
    switch splitBrain.cause {
    case .bothProtect, .neitherProtects: status = .notMeetingSLA
    case .bothRun, .isBeingResolved: break
    }
    if !status.isBeingRecovered { substatus = .error }
  }
}

extension VPGStatus {
  /// Whether VMs of the recovery site take the place of the protected ones.
  var isBeingRecovered: Bool { self == .failingOver || self == .moving }
}

extension VPGRecord.Phase {
  /// Whether the VPG may be recovered at the other site any moment.
  var isLeaving: Bool { self == .failingOver || self == .handingOver }

  fileprivate var assessed: VPGAssessment.Phase {
    switch self {
    case .creating: .creating
    case .protecting: .protecting
    case .failingOver: .failingOver
    case .handingOver: .handingOver
    case .recovered: .recovered
    case .deleting: .deleting
    }
  }
}
