// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Journal
internal import Logging
internal import NBDTransport
internal import RecoveryModel
internal import ReplicationProtocol
internal import ReplicationTransport
internal import Synchronization

/// Keeps the journal of one stream: takes what the sender sends, and acknowledges it once it is
/// durable.
///
/// The network's threads only put work into a queue. One writer thread takes it out, as many
/// batches at a time as there are, so that they share one sync. A second thread shortens the
/// history, a third one keeps segments ready for the writer. Whoever becomes the newest session
/// finds the queue empty and the writer idle, so no record of an older session is written after the
/// newer one was told where to go on.
///
/// `@unchecked Sendable`: the monitor guards everything that changes.
final class JournalKeeper: StreamSink, @unchecked Sendable {
  let stream: StreamIdentifier
  /// The journal's own folder on a datastore; nil if it is where the record is.
  let place: JournalPlace?
  /// Where the journal's files are.
  let folder: FileFolder
  /// Where the record is.
  let home: FileFolder
  let owner: ApplianceIdentifier
  let logger: Logger
  let monitor = Monitor()
  /// The record is changed by one at a time.
  private let recording = Mutex<Void>(())

  // Guarded by the monitor.
  var record: JournalRecord
  var journal: StreamJournal?
  var replicas: [File] = []
  var session: (any StreamSession)?
  var queue: [JournalWork] = []
  var isWriting = false
  var isTendingWanted = true
  var isStopping = false
  var lastError = ""
  /// What brings journal and replicas to their destination.
  var move: JournalMove?
  private var threads: [BlockingThread] = []

  /// Payload bytes that are appended with one sync.
  static let groupByteCount = 4 << 20
  /// After so many milliseconds without work the writer keeps no memory.
  static let restMilliseconds: Int64 = 2000
  /// How often the history is looked at, in milliseconds.
  static let maintenanceMilliseconds: Int64 = 5000

  /// A journal whose record is in the folder `home` of the appliance `owner`; nothing is opened.
  init(
    stream: StreamIdentifier,
    home: FileFolder,
    record: JournalRecord,
    owner: ApplianceIdentifier,
    logger: Logger
  ) {
    self.stream = stream
    self.home = home
    self.owner = owner
    place = record.request.journalFolder.map { JournalPlace(path: $0, owner: owner) }
    folder = place?.folder ?? home
    self.record = record
    var logger = logger
    logger[metadataKey: "stream"] = "\(stream)"
    self.logger = logger
  }

  /// The volumes' sizes and places.
  var volumes: [JournalRequest.Volume] { monitor.withLock { record.request.volumes } }

  private var recordFile: JSONFile<JournalRecord> {
    JSONFile(folder: home, name: JournalRegistry.recordName)
  }

  /// Opens journal and replicas, or makes them if the journal is new.
  ///
  /// Does nothing if they are open.
  func open() throws {
    guard monitor.withLock({ journal == nil }) else { return }
    do {
      let (request, passage) = monitor.withLock { (record.request, record.passage) }
      let isNew = try find(request, passage)
      let files = try request.volumes.map { volume in
        if isNew { try makeReplica(volume) }
        return try openReplica(volume)
      }
      let opened = try StreamJournal(
        stream: stream,
        folder: folder,
        replicas: files,
        volumeSizes: request.volumes.map(\.byteCount),
        settings: .init(request)
      )
      report(opened)
      if passage != nil { try change { $0.passage = nil } }
      monitor.withLock {
        journal = opened
        replicas = files
        lastError = ""
      }
    } catch {
      monitor.withLock { lastError = words(error) }
      throw error
    }
  }

  /// Whether there is no journal yet, and one is to be made.
  ///
  /// Replicas that are gone must not be replaced by empty ones behind a journal's back.
  private func find(_ request: JournalRequest, _ passage: JournalRecord.Passage?) throws -> Bool {
    guard let place else { return try !folder.list().contains("state") }
    switch passage {
    case .making: try place.make()
    case .coming: try place.take(request.volumes.map(\.replicaPath))
    case .leaving, nil: try place.check()
    }
    let isThere = try folder.list().contains("state")
    guard isThere || passage == .making else {
      throw ControlFailure(status: 500, message: "\(folder.path) holds no journal any more")
    }
    return !isThere
  }

  /// Says what an operator should know about the journal as it was found.
  private func report(_ journal: StreamJournal) {
    for name in journal.statistics.rebuiltIndexes {
      logger.warning("the journal's index \(name) was missing, damaged or old and was made anew")
    }
    if (try? folder.canWriteDirectly()) == false {
      logger.notice("the journal's file system has no direct writes: it works, more slowly")
    }
  }

  /// Makes an empty replica.
  ///
  /// One that is there already saves the first sync what it has in common with the source, if it
  /// has the volume's size.
  private func makeReplica(_ volume: JournalRequest.Volume) throws {
    let parent = (volume.replicaPath as NSString).deletingLastPathComponent
    _ = try FileFolder(path: parent)
    let file = try File(
      path: volume.replicaPath,
      creating: true,
      isThick: volume.isThick ?? false
    )
    let found = try file.byteCount()
    guard found == 0 || found == volume.byteCount else {
      throw ControlFailure(
        status: 409,
        message: "\(volume.replicaPath) exists and has \(found) bytes, not \(volume.byteCount)"
      )
    }
    try file.resize(to: volume.byteCount)
    try file.reserveAll()
    try file.sync()
  }

  private func openReplica(_ volume: JournalRequest.Volume) throws -> File {
    try File(path: volume.replicaPath, creating: false, isThick: volume.isThick ?? false)
  }

  /// Begins to take work.
  ///
  /// The points that exports need must be held by now.
  func start() throws {
    try monitor.withLock {
      guard threads.isEmpty else { return }
      threads = [
        try BlockingThread(name: "journal-write") { self.write() },
        try BlockingThread(name: "journal-keep") { self.maintain() },
        try BlockingThread(name: "journal-tend") { self.tend() },
      ]
    }
  }

  /// Ends the session and the threads.
  func stop() {
    let (session, ending) = monitor.withLock {
      isStopping = true
      withdrawQueue()
      monitor.broadcast()
      defer { (self.session, threads) = (nil, []) }
      return (self.session, threads)
    }
    session?.close("the journal is closing")
    for thread in ending { thread.join() }
    if let journal = monitor.withLock({ journal }) { saveProgress(of: journal) }
  }

  func saveProgress(of journal: StreamJournal) {
    do { try journal.saveProgress() } catch {
      failed("cannot save the progress of the sync", error)
    }
  }

  // MARK: Wishes

  /// Takes on a request for the journal there is, which stays where it is.
  func update(_ wish: JournalRequest) throws {
    let current = monitor.withLock { record }
    let request = wish.placed(at: JournalPlaces(current.request))
    guard current.request.hasDisks(of: wish), current.request.canBecome(request) else {
      throw ControlFailure(
        status: 409,
        message: "the stream has a journal with other volumes or another source"
      )
    }
    try open()
    if current.request.volumes != request.volumes { try provide(request) }
    if current.request != request { try change { $0.request = request } }
    monitor.withLock { journal }?.configure(.init(request))
  }

  /// Makes replicas for disks that are new, and makes room in those of disks that grew.
  ///
  /// The journal's volumes change with the sync in which the sender tells of them.
  private func provide(_ request: JournalRequest) throws {
    let journal = try opened()
    guard !journal.state.isPromoted else { throw JournalError.promoted }
    let before = monitor.withLock { record.request.volumes }
    var files = monitor.withLock { replicas }
    for (number, volume) in request.volumes.enumerated() {
      if number >= files.count {
        try makeReplica(volume)
        files.append(try openReplica(volume))
        continue
      }
      if before[number].isThick != volume.isThick { files[number] = try openReplica(volume) }
      if try files[number].byteCount() < volume.byteCount {
        try files[number].resize(to: volume.byteCount)
      }
      try files[number].reserveAll()
      try files[number].sync()
    }
    try journal.provide(files)
    let opened = files
    monitor.withLock { replicas = opened }
  }

  /// Begins or ends the taking of writes.
  ///
  /// Once it returns false is kept: nothing is being written.
  func accept(_ isAccepting: Bool) throws {
    if monitor.withLock({ record.isAccepting }) != isAccepting {
      try change { $0.isAccepting = isAccepting }
    }
    guard !isAccepting else { return }
    let session = monitor.withLock {
      withdrawQueue()
      while isWriting { monitor.wait() }
      defer { self.session = nil }
      return self.session
    }
    session?.close("the recovery site takes no writes at the moment")
  }

  /// Folds the journal to a checkpoint for good.
  func promote(_ checkpoint: CheckpointIdentifier) throws {
    let journal = try opened()
    guard journal.sequence(of: checkpoint) != nil else {
      throw JournalError.unknownCheckpoint(checkpoint)
    }
    try accept(false)
    try journal.promote(checkpoint)
  }

  /// The journal, or why there is none.
  func opened() throws -> StreamJournal {
    let (journal, lastError) = monitor.withLock { (self.journal, self.lastError) }
    guard let journal else {
      throw ControlFailure(status: 500, message: "the journal is not open: \(lastError)")
    }
    return journal
  }

  /// Changes the record; in memory only after it is durable.
  func change(_ body: (inout JournalRecord) -> Void) throws {
    try recording.withLock { _ in
      var next = monitor.withLock { record }
      body(&next)
      try recordFile.save(next)
      monitor.withLock { record = next }
    }
  }

  var status: JournalStatus {
    let (record, journal, replicas, isConnected, lastError) = monitor.withLock {
      (self.record, self.journal, self.replicas, session != nil, self.lastError)
    }
    let statistics = journal?.statistics
    let state = journal?.state
    let sizes = replicas.map { (try? $0.allocatedByteCount()) ?? 0 }
    var status = JournalStatus(
      stream: stream,
      vpg: record.request.vpg,
      sync: state?.sync ?? .idle,
      isConnected: isConnected,
      isAccepting: record.isAccepting,
      durableSequence: state?.durable.rawValue ?? 0,
      journalByteCount: statistics?.journalByteCount ?? 0,
      replicaByteCount: sizes.reduce(0, +),
      checkpointCount: state?.isComplete == true ? statistics?.checkpointCount ?? 0 : 0,
      earliestCheckpoint: state?.isComplete == true ? statistics?.earliestCheckpoint : nil,
      latestCheckpoint: state?.isComplete == true ? statistics?.latestCheckpoint : nil,
      lastError: lastError
    )
    status.move = monitor.withLock { move }?.status
    if let statistics {
      status.history = .init(statistics)
      status.damage = statistics.damages.words
    }
    status.files = zip(record.request.volumes, sizes).map { volume, size in
      JournalStatus.File(
        kind: .replica,
        name: volume.identifier.rawValue,
        path: volume.replicaPath,
        byteCount: size
      )
    }
    if let statistics {
      status.files.append(
        .init(kind: .journal, name: "", path: folder.path, byteCount: statistics.journalByteCount)
      )
    }
    return status
  }

  /// Takes note of a failure and logs it, if it is not the one before once more.
  func failed(_ what: String, _ error: any Error) {
    let text = "\(what): \(words(error))"
    let isNew = monitor.withLock {
      defer { lastError = text }
      return lastError != text
    }
    if isNew { logger.error("\(text)") }
  }

  /// Empties the queue; the monitor is held.
  func withdrawQueue() {
    for case .hash(let question) in queue { question.withdraw() }
    queue = []
  }
}

extension JournalRequest {
  /// Whether a journal can go on with another request: every disk keeps its replica.
  func canBecome(_ other: JournalRequest) -> Bool {
    sourceSite == other.sourceSite
      && volumes.map(\.replicaPath) == other.volumes.prefix(volumes.count).map(\.replicaPath)
  }

  /// Whether the disks of another request are the ones there are.
  ///
  /// Their replicas may be to be elsewhere.
  func hasDisks(of other: JournalRequest) -> Bool {
    zip(volumes, other.volumes).allSatisfy {
      $0.identifier == $1.identifier || $0.replicaPath == $1.replicaPath
    }
  }

  /// The request with the disks it does not name and the journal has, as disks that are gone.
  ///
  /// A change that is taken back names fewer than the one before.
  func keepingReplicas(of before: JournalRequest) -> JournalRequest {
    var request = self
    for var volume in before.volumes.dropFirst(volumes.count) {
      volume.byteCount = 0
      request.volumes.append(volume)
    }
    return request
  }
}

extension StreamJournal.Settings {
  /// Segments are small against the limit, so that there is always one to fold.
  init(_ request: JournalRequest) {
    self.init(
      historySeconds: request.historyInSeconds,
      hardLimitByteCount: request.hardLimitInBytes,
      segmentByteCount: min(max(request.hardLimitInBytes / 16, 4 << 20), 64 << 20)
    )
  }
}

extension JournalStatus.History {
  fileprivate init(_ statistics: JournalStatistics) {
    self.init(oldest: statistics.oldestTime, newest: statistics.newestTime)
    isDiskFull = statistics.isSpaceShort
    guard let shortened = statistics.shortened else { return }
    keptInSeconds = shortened.keptSeconds
    shortage =
      switch shortened.reason {
      case .hardLimit: .hardLimit
      case .diskFull: .disk
      }
  }
}
