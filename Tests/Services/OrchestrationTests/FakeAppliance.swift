// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import Orchestration
import RecoveryModel
import Restic

/// An appliance that keeps its promises in memory: a sync is done as soon as it is asked for, and
/// a mark is durable at the other one at once.
actor FakeAppliance: ApplianceControl {
  private struct Stream {
    var request: ProtectRequest
    var sync = SyncState.idle
    var needsSync = true
    var generation: UInt64 = 0
  }

  private let hypervisor: FakeHypervisor
  private var others: [FakeAppliance] = []
  private(set) var incarnation = 1
  private var identifier = ApplianceIdentifier("vra")
  private var version = "1.0"
  /// What it runs once it is restarted.
  private var installedVersion = "1.0"
  private var streams: [StreamIdentifier: Stream] = [:]
  private(set) var journals: [StreamIdentifier: JournalRequest] = [:]
  private var marks: [StreamIdentifier: [Checkpoint]] = [:]
  private(set) var trust = TrustRequest(authorities: [:])
  private(set) var syncCount = 0
  /// How often it was asked how it is.
  private(set) var statusCount = 0
  /// The disks that the last sync read.
  private(set) var syncedVolumes: Set<VolumeIdentifier> = []
  private(set) var keptReplicas: [Bool] = []
  private var hangs = false
  private var isFull = false
  private var markRefusal: String?
  private var history = JournalStatus.History()
  private var restingRPO: Int64?
  private var remoteCopy: RemoteCopy?
  private var missingWrites: UInt64 = 0
  private(set) var held: Checkpoint?
  private(set) var lastMark: Checkpoint?
  private var holdRefusal: String?
  /// The guests that were frozen when a checkpoint was last held.
  private(set) var guestsAtMark: Set<VMIdentifier> = []
  private var opened: [ExportIdentifier: ExportStatus] = [:]

  init(_ hypervisor: FakeHypervisor) { self.hypervisor = hypervisor }

  func connect(to other: FakeAppliance) { others.append(other) }
  func setHistory(_ history: JournalStatus.History) { self.history = history }
  /// As if all taps were closed in order.
  func setResting(rpoInMilliseconds: Int64?) { restingRPO = rpoInMilliseconds }
  /// Lets the other side lack writes, of 4096 bytes each.
  func setMissing(writes: UInt64) { missingWrites = writes }
  /// What streams say of the other side's copy; nil is what is so here.
  func setRemoteCopy(_ copy: RemoteCopy?) { remoteCopy = copy }
  func settledVolumes() -> [VolumeIdentifier] { streams.values.flatMap(\.request.settled) }
  func streamCount() -> Int { streams.count }
  func isPaused() -> Bool { streams.values.contains(where: \.request.isPaused) }
  func setHanging(_ hangs: Bool) { self.hangs = hangs }

  func setIdentifier(_ identifier: ApplianceIdentifier) { self.identifier = identifier }
  func setVersion(_ version: String, installed: String) {
    self.version = version
    installedVersion = installed
  }

  /// Killed and started again.
  func restart() async {
    incarnation += 1
    version = installedVersion
    streams = [:]
    await hypervisor.breakTaps()
  }

  func setHoldRefusal(_ reason: String?) { holdRefusal = reason }

  private func send(_ checkpoint: Checkpoint, in streams: [StreamIdentifier]) async {
    for stream in streams {
      for other in others { await other.receive(checkpoint, in: stream) }
    }
  }

  /// The port the streams go to.
  func ports() -> Set<Int> { Set(streams.values.map(\.request.remotePort)) }

  func receive(_ checkpoint: Checkpoint, in stream: StreamIdentifier) {
    if journals[stream] != nil { marks[stream, default: []].append(checkpoint) }
  }

  /// Puts checkpoints before those a stream has.
  func put(_ checkpoints: [Checkpoint], before stream: StreamIdentifier) {
    marks[stream] = checkpoints + (marks[stream] ?? [])
  }

  // MARK: Files

  private(set) var files: [ExportIdentifier: FileSessionStatus] = [:]

  func fileSessions() async throws(SiteError) -> [FileSessionStatus] { Array(files.values) }

  func openFiles(
    _ session: ExportIdentifier,
    _ request: FileSessionRequest
  ) async throws(SiteError) -> FileSessionStatus {
    let status = FileSessionStatus(
      identifier: session,
      request: request,
      began: WallTime(milliseconds: 0),
      state: .mounted
    )
    files[session] = status
    return status
  }

  func listFiles(
    _ session: ExportIdentifier,
    _ request: FileListRequest
  ) async throws(SiteError) -> FileListReply {
    guard let point = files[session]?.request.point else { throw .notFound("no session") }
    let isTop = request.path.split(separator: "/").count == 1
    if case .checkpoint(let point) = point, let last = lastWithFiles, !isTop, point > last {
      throw .notFound("There is no \(request.path).")
    }
    let entry = Self.entry(request.path, isTop ? .folder : .file)
    return FileListReply(folder: entry, entries: [], totalCount: 0)
  }

  /// The last point that has files; nil is all.
  private var lastWithFiles: CheckpointIdentifier?

  func setLastWithFiles(_ point: CheckpointIdentifier) { lastWithFiles = point }

  func fileContent(
    _ session: ExportIdentifier,
    path: String
  ) async throws(SiteError) -> ControlContent {
    ControlContent(
      byteCount: path.utf8.count,
      parts: AsyncThrowingStream { continuation in
        continuation.yield(Array(path.utf8))
        continuation.finish()
      }
    )
  }

  private(set) var comparisons: [ExportIdentifier: FileComparisonRequest] = [:]

  func compareFiles(
    _ session: ExportIdentifier,
    _ request: FileComparisonRequest
  ) async throws(SiteError) { comparisons[session] = request }

  func fileComparison(
    _ session: ExportIdentifier,
    _ page: FileComparisonPage
  ) async throws(SiteError) -> FileComparisonReply {
    guard let request = comparisons[session] else { throw .notFound("not compared") }
    return FileComparisonReply(request: request, isDone: true)
  }

  func closeFiles(_ session: ExportIdentifier) async throws(SiteError) { files[session] = nil }

  // MARK: ApplianceControl

  func status(timeout: Duration?) async throws(SiteError) -> ApplianceStatus {
    if hangs {
      try? await Task.sleep(for: timeout ?? .seconds(10))
      throw .unreachable("no answer in time")
    }
    statusCount += 1
    let ready = await hypervisor.readyVolumes().sorted()
    var status = ApplianceStatus(
      identifier: identifier,
      version: version,
      incarnation: "\(incarnation)",
      residentMemoryInBytes: 1 << 20,
      streams: streams.map { stream, state in
        StreamStatus(
          stream: stream,
          vpg: state.request.vpg,
          sync: state.sync,
          needsSync: state.needsSync,
          syncProgress: 0,
          isConnected: true,
          rpoInMilliseconds: 100,
          lastSequence: 1 + missingWrites,
          acknowledgedSequence: 1,
          writeCount: 1,
          writtenByteCount: 1,
          sentByteCount: 1,
          bufferedByteCount: missingWrites * 4096,
          bufferByteCount: 1,
          connectedVolumes: ready,
          lastError: ""
        )
      },
      journals: journals.map { stream, request in
        JournalStatus(
          stream: stream,
          vpg: request.vpg,
          sync: .ordered,
          isConnected: true,
          isAccepting: true,
          durableSequence: 1,
          journalByteCount: 1,
          replicaByteCount: 1,
          checkpointCount: marks[stream]?.count ?? 0,
          earliestCheckpoint: marks[stream]?.first,
          latestCheckpoint: marks[stream]?.last,
          lastError: ""
        )
      },
      exports: opened.keys.sorted()
    )
    for index in status.streams.indices {
      status.streams[index].restingRPOInMilliseconds = restingRPO
      let isOrdered = status.streams[index].sync == .ordered && !status.streams[index].needsSync
      status.streams[index].remoteCopy = remoteCopy ?? (isOrdered ? .whole : .unknown)
      if restingRPO != nil { status.streams[index].needsSync = true }
    }
    for index in status.journals.indices {
      status.journals[index].history = history
      if moving[status.journals[index].stream] != nil { status.journals[index].move = move }
    }
    return status
  }

  private(set) var bandwidth: BandwidthRequest?
  func setBandwidth(_ request: BandwidthRequest) { bandwidth = request }

  func setTrust(_ request: TrustRequest) { trust = request }

  func protect(_ stream: StreamIdentifier, _ request: ProtectRequest) -> ProtectReply {
    var state = streams[stream] ?? Stream(request: request)
    let isUnsettled = !Set(state.request.settled).isSubset(of: request.settled)
    state.request = request
    if request.isPaused || isUnsettled { state.needsSync = true }
    streams[stream] = state
    return ProtectReply(
      tapSocketPath: "/run/\(request.vm)/tap",
      pullSocketPath: "/run/\(request.vm)/pull"
    )
  }

  /// The streams that were ended.
  private(set) var ended: Set<StreamIdentifier> = []

  func endStream(_ stream: StreamIdentifier) {
    streams[stream] = nil
    ended.insert(stream)
  }

  func beginSync(_ stream: StreamIdentifier, _ request: BeginSyncRequest) -> BeginSyncReply {
    streams[stream]?.generation += 1
    return BeginSyncReply(generation: streams[stream]?.generation)
  }

  func sync(_ stream: StreamIdentifier, _ request: SyncRequest) {
    syncCount += 1
    syncedVolumes = Set(request.exportNames.keys)
    streams[stream]?.sync = .ordered
    streams[stream]?.needsSync = false
  }

  /// From now on no checkpoint can be marked, for that reason; nil ends it.
  func refuseMarks(_ reason: String?) { markRefusal = reason }

  func mark(_ request: MarkRequest) async -> MarkReply {
    if let markRefusal { return MarkReply(isMarked: false, reason: markRefusal) }
    await send(request.checkpoint, in: request.streams)
    lastMark = request.checkpoint
    return MarkReply(isMarked: true, reason: "")
  }

  func hold(_ request: HoldRequest) async throws(SiteError) -> MarkReply {
    if hangs {
      try? await Task.sleep(for: .milliseconds(request.limitInMilliseconds))
      throw .unreachable("no answer in time")
    }
    if let holdRefusal { return MarkReply(isMarked: false, reason: holdRefusal) }
    held = request.checkpoint
    guestsAtMark = await hypervisor.frozen
    return MarkReply(isMarked: true, reason: "")
  }

  func release(_ request: ReleaseRequest) async throws(SiteError) -> MarkReply {
    if hangs { throw .unreachable("no answer in time") }
    let checkpoint = held
    held = nil
    guard request.keepsMark, let checkpoint, checkpoint.identifier == request.checkpoint else {
      return MarkReply(isMarked: false, reason: "not held")
    }
    await send(checkpoint, in: request.streams)
    return MarkReply(isMarked: true, reason: "")
  }

  /// From now on no new journal can be made.
  func setFull(_ isFull: Bool) { self.isFull = isFull }

  func keepJournal(_ stream: StreamIdentifier, _ request: JournalRequest) throws(SiteError) {
    if isFull && journals[stream] == nil { throw .failed("the disk is full") }
    let (old, new) = (journals[stream]?.volumes ?? [], request.volumes)
    if zip(old, new).contains(where: { $0.identifier != $1.identifier }) {
      throw .conflict("the stream has a journal with other volumes")
    }
    if let before = journals[stream], Self.places(before) != Self.places(request) {
      moving[stream] = moving[stream] == Self.places(request) ? nil : Self.places(before)
    }
    journals[stream] = request
  }

  /// Where the journals that are on the way to other places come from.
  private var moving: [StreamIdentifier: [String]] = [:]
  private var move: JournalStatus.Move?
  /// How far those are; nil is that they are there.
  func setMove(_ move: JournalStatus.Move?) { self.move = move }

  private static func places(_ request: JournalRequest) -> [String] {
    request.volumes.map(\.replicaPath) + [request.journalFolder ?? ""]
  }

  /// Journals that were given away, with their marks, by folder: what appliances see together.
  private(set) var datastore = FakeDatastore()
  /// Has this appliance see the datastores of another one.
  func see(_ other: FakeAppliance) async { datastore = await other.datastore }
  private var takeOverRefusal: String?
  func setTakeOverRefusal(_ reason: String?) { takeOverRefusal = reason }

  func handOverJournal(_ stream: StreamIdentifier) async throws(SiteError) {
    guard let request = journals[stream] else { return }
    guard let folder = request.journalFolder else { throw .conflict("it is not on a datastore") }
    guard !opened.values.contains(where: { $0.request.stream == stream }) else {
      throw .conflict("an export of the journal is open")
    }
    await datastore.put(marks[stream] ?? [], at: folder)
    (journals[stream], marks[stream]) = (nil, nil)
  }

  func takeOverJournal(
    _ stream: StreamIdentifier,
    _ request: JournalRequest
  ) async throws(SiteError) {
    if let takeOverRefusal { throw .conflict(takeOverRefusal) }
    guard journals[stream] == nil else { return journals[stream] = request }
    guard let left = await datastore.take(at: request.journalFolder ?? "") else {
      throw .conflict("the journal was not given away")
    }
    (journals[stream], marks[stream]) = (request, left)
  }

  /// Journals that can still be ended before one attempt fails; nil if all can.
  private var endingsLeft: Int?
  func failEndings(after count: Int) { endingsLeft = count }

  func endJournal(_ stream: StreamIdentifier, keepsReplica: Bool) throws(SiteError) {
    if let left = endingsLeft {
      endingsLeft = left == 0 ? nil : left - 1
      if left == 0 { throw .failed("the disk does not answer") }
    }
    guard !opened.values.contains(where: { $0.request.stream == stream }) else {
      throw .conflict("an export of the journal is open")
    }
    if journals.removeValue(forKey: stream) != nil { keptReplicas.append(keepsReplica) }
    marks[stream] = nil
  }

  /// The streams whose journals take nothing.
  private(set) var refusing: Set<StreamIdentifier> = []
  /// The checkpoints that VMs were started from, and that journals were folded to for good.
  private(set) var points: (opened: [ExportPoint], promoted: [ExportPoint]) = ([], [])

  func accept(_ stream: StreamIdentifier, _ isAccepting: Bool) {
    if isAccepting { refusing.remove(stream) } else { refusing.insert(stream) }
  }

  func promote(
    _ stream: StreamIdentifier,
    to checkpoint: CheckpointIdentifier
  ) throws(SiteError) {
    guard journals[stream] != nil else { throw .notFound("there is no journal \(stream)") }
    let held = opened.values.filter { $0.request.stream == stream }.map(\.request.point)
    guard held.allSatisfy({ $0 == .checkpoint(checkpoint) }) else {
      throw .conflict("another recovery uses another point of this journal")
    }
    points.promoted.append(.checkpoint(checkpoint))
  }

  func checkpoints(of stream: StreamIdentifier) throws(SiteError) -> [Checkpoint] {
    guard journals[stream] != nil else { throw .notFound("there is no journal \(stream)") }
    return marks[stream] ?? []
  }

  func exports() -> [ExportStatus] { Array(opened.values) }

  func openExport(
    _ export: ExportIdentifier,
    _ request: ExportRequest
  ) throws(SiteError) -> ExportReply {
    if let known = opened[export], known.request != request {
      throw .conflict("export \(export) is of another point")
    }
    guard journals[request.stream] != nil else { throw .notFound("there is no such journal") }
    if request.overlayFolder != nil { points.opened.append(request.point) }
    let reply = ExportReply(
      socketPath: "/run/export",
      sequence: SequenceNumber(1),
      time: nil,
      volumes: (journals[request.stream]?.volumes ?? []).map {
        ExportReply.Volume(
          identifier: $0.identifier,
          target: $0.target,
          overlayPath: request.overlayFolder.map { "\($0)/\(export).qcow2" } ?? "",
          replicaPath: $0.replicaPath
        )
      }
    )
    opened[export] = ExportStatus(
      identifier: export,
      request: request,
      reply: reply,
      isServed: true
    )
    return reply
  }

  func closeExport(_ export: ExportIdentifier) { opened[export] = nil }

  // MARK: Copies

  /// What the files of copies hold, by path.
  private(set) var copies: [String: CopyRequest] = [:]
  /// What is said of a copy that is asked for; by default it is complete.
  private var copyReply = CopyReply(isComplete: true)
  private var dataByteCount: UInt64 = 1 << 20
  private var isAway = false

  func setCopyReply(_ reply: CopyReply) { copyReply = reply }
  func setDataByteCount(_ count: UInt64) { dataByteCount = count }
  func setAway(_ isAway: Bool) { self.isAway = isAway }

  func changes(
    of stream: StreamIdentifier,
    _ request: ChangesRequest
  ) async throws(SiteError) -> ChangesReply {
    if isAway { throw .unreachable("the appliance is away") }
    if let reply = await overlays.whenChangesAsked?() ?? overlays.changes { return reply }
    let extent = ChangesReply.Extent(offset: 4096, count: 512)
    return ChangesReply(
      volumes: [
        ChangesReply.Volume(
          identifier: VolumeIdentifier("\(stream)-\(request.first)-\(request.limit)"),
          target: "vda",
          byteCountBefore: 1 << 20,
          byteCount: 1 << 20,
          changedByteCount: 512,
          extentCount: 1,
          extents: [extent]
        )
      ]
    )
  }

  var overlays = FakeOverlays()

  /// Exports whose VMs can move onto their replicas.
  private(set) var prepared: Set<ExportIdentifier> = []
  func prepareAdoption(of export: ExportIdentifier) throws(SiteError) {
    if isAway { throw .unreachable("the appliance is away") }
    guard opened[export] != nil else { throw .notFound("there is no such export") }
    prepared.insert(export)
  }

  func dataByteCounts(of export: ExportIdentifier) -> [VolumeIdentifier: UInt64] {
    let volumes = opened[export]?.reply.volumes ?? []
    return Dictionary(uniqueKeysWithValues: volumes.map { ($0.identifier, dataByteCount) })
  }

  func copy(_ copy: CopyIdentifier, _ request: CopyRequest) throws(SiteError) -> CopyReply {
    if isAway { throw .unreachable("the appliance is away") }
    guard opened[request.export] != nil else { throw .notFound("there is no such export") }
    copies[copy.path(in: request.folder)] = request
    return copyReply
  }

  func deleteCopy(_ copy: CopyIdentifier, in folder: String) {
    copies[copy.path(in: folder)] = nil
    restored[copy.path(in: folder)] = nil
  }

  // MARK: Repositories

  /// The disks in the only repository, by snapshot, with the tags they have.
  private(set) var archived: [String: ArchiveRequest] = [:]
  /// The copies under way or done, and what is said of one; by default it is kept whole.
  private(set) var archives: [CopyIdentifier: String] = [:]
  private var archiveReply: ArchiveReply?
  private(set) var restored: [String: RestoreRequest] = [:]
  /// Why the repository cannot be reached.
  private var repositoryFault: SiteError?

  func setArchiveReply(_ reply: ArchiveReply?) { archiveReply = reply }
  func setRepositoryFault(_ fault: SiteError?) { repositoryFault = fault }

  func check(_ request: RepositoryRequest) throws(SiteError) -> RepositoryReply {
    if let repositoryFault { throw repositoryFault }
    return RepositoryReply(
      identifier: "mark of \(request.repository.location)",
      usedByteCount: 3 << 30,
      capacityByteCount: 10 << 30,
      freeByteCount: 7 << 30,
      lock: .until(WallTime(milliseconds: 4_000_000_000_000))
    )
  }

  func archivedDisks(_ request: SnapshotListRequest) throws(SiteError) -> [ArchivedDisk] {
    if let repositoryFault { throw repositoryFault }
    if let restic {
      do {
        return try restic.snapshots(tags: request.tags).map {
          ArchivedDisk(snapshot: $0.id, name: $0.paths.first ?? "")
        }
      } catch { throw .failed("\(error)") }
    }
    return archived.filter { Set(request.tags).isSubset(of: $0.value.tags) }
      .map { ArchivedDisk(snapshot: $0.key, name: $0.value.name) }
  }

  func forget(_ request: ForgetRequest) throws(SiteError) {
    if let repositoryFault { throw repositoryFault }
    do { try restic?.forget(request.snapshots) } catch { throw .failed("\(error)") }
    for snapshot in request.snapshots { archived[snapshot] = nil }
  }

  func archive(
    _ copy: CopyIdentifier,
    _ request: ArchiveRequest
  ) throws(SiteError) -> ArchiveReply {
    if isAway { throw .unreachable("the appliance is away") }
    guard opened[request.export] != nil else { throw .notFound("there is no such export") }
    if let archiveReply {
      archives[copy] = ""
      return archiveReply
    }
    let snapshot: String
    if let known = archives[copy], !known.isEmpty {
      snapshot = known
    } else {
      snapshot = try kept(request) ?? "snapshot-\(archived.count + 1)-\(copy)"
      archived[snapshot] = request
      archives[copy] = snapshot
    }
    return ArchiveReply(
      doneByteCount: 1 << 20,
      byteCount: 1 << 20,
      snapshot: snapshot,
      addedByteCount: 4096
    )
  }

  func deleteArchive(_ copy: CopyIdentifier) { archives[copy] = nil }

  func restore(_ copy: CopyIdentifier, _ request: RestoreRequest) throws(SiteError) -> CopyReply {
    if isAway { throw .unreachable("the appliance is away") }
    guard archived[request.snapshot] != nil else { throw .notFound("there is no such snapshot") }
    restored[copy.path(in: request.folder)] = request
    return copyReply
  }

  // MARK: restic

  /// What keeps the disks in earnest; nil only notes them.
  private var restic: ResticRepository?

  func setRestic(_ repository: ResticRepository?) { restic = repository }

  private func kept(_ request: ArchiveRequest) throws(SiteError) -> String? {
    guard let restic else { return nil }
    do {
      let content = Self.content(request)
      return try restic.backUp(
        request.name,
        host: request.host,
        tags: request.tags,
        at: request.time.milliseconds / 1000,
        byteCount: UInt64(content.count)
      ) { send in try content.withUnsafeBytes { try send($0) } }.snapshot
    } catch { throw .failed("\(error)") }
  }
}
