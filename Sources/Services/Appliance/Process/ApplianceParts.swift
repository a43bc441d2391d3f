// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Identity
internal import Logging
internal import RecoveryModel
internal import ReplicationTransport
internal import Synchronization

/// Everything a worker holds, made and ended in the right order.
final class ApplianceParts: Sendable {
  static let version = "0.1.0"

  let configuration: ApplianceConfiguration
  let identity: TLSIdentity
  /// Who may control the appliance: those its own site's authority vouches for.
  let controlTrust = TrustStore()
  let journals: JournalRegistry
  let exports: ExportRegistry
  let overlays = FilledOverlays()
  let copies: DiskCopies
  let archives: DiskArchives
  let repositories: Repositories
  let files: FileSessions
  let streams: ProtectedStreams

  /// Whose appliances may send streams here or are sent to: the own and the paired sites'.
  private let streamTrust = TrustStore()
  private let ownAuthority: String
  private let listener: StreamListener
  private let trustFile: JSONFile<TrustRequest>
  private let limiter = LinkLimiter()
  private let refusals: RefusalLog
  private let bandwidthFile: JSONFile<BandwidthRequest>
  private let incarnation = UUID().uuidString.lowercased()
  private let logger: Logger

  init(configuration: ApplianceConfiguration, logger: Logger) throws {
    self.configuration = configuration
    self.logger = logger
    refusals = RefusalLog(logger: logger)
    identity = try TLSIdentity(loading: configuration.identityFolder)
    ownAuthority = try String(
      contentsOf: URL(filePath: configuration.authorityFile),
      encoding: .utf8
    )
    try controlTrust.set([configuration.site: ownAuthority])
    let folder = try FileFolder(path: configuration.stateFolder)
    trustFile = JSONFile(folder: folder, name: "trust.json")
    bandwidthFile = JSONFile(folder: folder, name: "bandwidth.json")
    let journals = try JournalRegistry(
      stateFolder: configuration.stateFolder,
      owner: configuration.name,
      logger: logger
    )
    self.journals = journals
    let sockets = try SocketAccess(userName: configuration.hypervisorUser)
    try sockets.prepare(configuration.runFolder)
    exports = try ExportRegistry(
      journals: journals,
      stateFolder: configuration.stateFolder,
      runFolder: configuration.runFolder,
      sockets: sockets,
      logger: logger
    )
    let scratch = configuration.filesFolder ?? "/var/cache/understudy/\(configuration.name)"
    let resticCache = scratch + "/restic"
    copies = DiskCopies(exports: exports, cacheFolder: resticCache)
    archives = DiskArchives(exports: exports, cacheFolder: resticCache)
    repositories = Repositories(cacheFolder: resticCache)
    files = FileSessions(
      exports: exports,
      folder: scratch,
      sockets: sockets,
      logger: logger
    )
    streams = ProtectedStreams(
      context: ProtectionContext(
        runFolder: configuration.runFolder,
        sockets: sockets,
        identity: identity,
        trust: streamTrust,
        limiter: limiter,
        refusals: refusals,
        logger: logger,
        largestBuffer: UInt64(configuration.bufferInMB) << 20
      )
    )
    listener = try StreamListener(
      host: configuration.streamHost,
      port: configuration.streamPort,
      identity: identity,
      trust: streamTrust,
      refusals: refusals,
      logger: logger
    ) { stream, site in journals.sink(for: stream, from: site) }
  }

  /// Opens what an earlier process left and begins to take streams.
  ///
  /// Exports come before the journals begin to fold, so that their points are held.
  func start() async throws {
    try learn(try trustFile.load() ?? TrustRequest(authorities: [:]))
    if let limit = try bandwidthFile.load() { limiter.keep(to: limit.schedule, part: limit.part) }
    try journals.open()
    try exports.open()
    try files.clean()
    try journals.start()
    try await listener.start()
  }

  /// Ends everything, the guests' connections first.
  func stop() async {
    streams.closeAll()
    await listener.stop()
    copies.stop()
    archives.stop()
    exports.stop()
    journals.stop()
  }

  /// Takes and drops every lock a guest's write can wait for.
  func probe() { _ = streams.status() }

  /// Trusts the sites' authorities from now on, also after a restart.
  func trust(_ request: TrustRequest) throws {
    do { try learn(request) } catch {
      throw ControlFailure(status: 400, message: "the authorities cannot be used: \(error)")
    }
    try trustFile.save(request)
  }

  /// Keeps the streams to a limit from now on, also after a restart.
  func limit(_ request: BandwidthRequest) throws {
    guard request.schedule.isValid, request.part > 0, request.part <= 1 else {
      throw ControlFailure(
        status: 400,
        message: "a limit of 0, or a day, time or part that is none"
      )
    }
    try bandwidthFile.save(request)
    limiter.keep(to: request.schedule, part: request.part)
  }

  private func learn(_ request: TrustRequest) throws {
    var authorities = request.authorities
    authorities[configuration.site] = ownAuthority
    try streamTrust.set(authorities)
  }

  func status() -> ApplianceStatus {
    var status = ApplianceStatus(
      identifier: configuration.name,
      version: Self.version,
      incarnation: incarnation,
      residentMemoryInBytes: Self.residentMemory(),
      streams: streams.status(),
      journals: journals.statuses,
      exports: exports.identifiers,
      linkRefusals: refusals.all
    )
    let isAnyAddress = ["0.0.0.0", "::"].contains(configuration.streamHost)
    status.streamHost = isAnyAddress ? nil : configuration.streamHost
    status.streamPort = configuration.streamPort
    status.processorCount = ProcessInfo.processInfo.activeProcessorCount
    let overlays = exports.overlays
    for index in status.journals.indices {
      status.journals[index].files += overlays[status.journals[index].stream] ?? []
    }
    return status
  }

  /// From the second number of proc(5)'s `statm`, in pages.
  private static func residentMemory() -> UInt64 {
    guard let text = try? String(contentsOf: URL(filePath: "/proc/self/statm"), encoding: .utf8)
    else { return 0 }
    let numbers = text.split(separator: " ")
    return numbers.count > 1 ? (UInt64(numbers[1]) ?? 0) * UInt64(sysconf(Int32(_SC_PAGESIZE))) : 0
  }
}
