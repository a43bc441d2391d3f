// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import FileStorage
import Foundation
import RecoveryModel
import Testing

@testable import Appliance
@testable import ResticTests

/// With a real restic, and a folder or a bucket of a real S3 server.
@Suite(.withS3Server, .timeLimit(.minutes(5))) struct `A disk in a repository` {
  private static let export = ExportIdentifier("0a1b2c3d-0000-4000-8000-00000000000e")
  private static let copy = CopyIdentifier("vda-0a1b2c3d-0000-4000-8000-00000000000c")
  private static let volume = VolumeIdentifier("scsi:0:0")

  /// Content 1 at checkpoint 1, which is exported, and content 2 after it; and a repository.
  private func withRepository(
    in place: Place = .folder,
    lockedForDays days: Int? = nil,
    _ body: (RecoveryBench, DiskArchives, ArchiveRequest) async throws -> Void
  ) async throws {
    let bench = try RecoveryBench()
    defer { bench.tearDown() }
    try bench.prepare()
    try bench.deliver(
      .write(0, 4096, [UInt8](repeating: 1, count: 70_000)),
      .mark(1),
      .write(0, 8192, [UInt8](repeating: 2, count: 700_000)),
      .mark(2)
    )
    _ = try bench.exports.put(
      Self.export,
      ExportRequest(
        stream: RecoveryBench.stream,
        point: .checkpoint(CheckpointIdentifier(1)),
        overlayFolder: nil
      )
    )
    let repository = try Self.repository(in: place, of: bench, days)
    let repositories = Repositories(cacheFolder: bench.cache)
    _ = try repositories.check(RepositoryRequest(repository: repository, isNew: true))
    let archives = DiskArchives(exports: bench.exports, cacheFolder: bench.cache)
    defer { archives.stop() }
    let request = ArchiveRequest(
      repository: repository,
      export: Self.export,
      volume: Self.volume,
      name: "vda.raw",
      host: "web1",
      tags: ["understudy", "set=1"],
      time: WallTime(milliseconds: 1_764_380_000_000)
    )
    try await body(bench, archives, request)
  }

  private static func repository(
    in place: Place,
    of bench: RecoveryBench,
    _ days: Int?
  ) throws -> ArchiveRepository {
    let password = "of this test"
    switch place {
    case .folder:
      let location = bench.root + "/repository"
      try FileManager.default.createDirectory(atPath: location, withIntermediateDirectories: true)
      return ArchiveRepository(location: location, password: password)
    case .bucket:
      let server = try #require(S3Server.current)
      return ArchiveRepository(
        location: "s3:\(server.endpoint)/\(try server.makeBucket(lockedForDays: days))/archive",
        password: password,
        accessKey: .init(
          identifier: S3Server.accessKey,
          secret: S3Server.secretKey,
          region: ""
        )
      )
    }
  }

  private func complete(
    _ archives: DiskArchives,
    _ request: ArchiveRequest
  ) async throws -> ArchiveReply {
    let reply = try await ended(archives, request)
    try #require(reply.failure.isEmpty, "\(reply.failure)")
    return reply
  }

  /// What is said of a copy once it has ended, well or not: who wants to know has to ask.
  private func ended(
    _ archives: DiskArchives,
    _ request: ArchiveRequest
  ) async throws -> ArchiveReply {
    while true {
      let reply = try archives.put(Self.copy, request)
      if reply.snapshot != nil || !reply.failure.isEmpty { return reply }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private func restore(_ bench: RecoveryBench, _ request: RestoreRequest) async throws -> CopyReply
  {
    let copies = DiskCopies(exports: bench.exports, cacheFolder: bench.cache)
    defer { copies.stop() }
    while true {
      let reply = try copies.put(Self.copy, request)
      if reply.isComplete || !reply.failure.isEmpty { return reply }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test(arguments: Place.allCases)
  func `is the disk as of the point, and comes back as a file with its holes`(_ place: Place)
    async throws
  {
    try await withRepository(in: place) { bench, archives, request in
      let reply = try await complete(archives, request)
      #expect(reply.byteCount == 1 << 20)
      #expect(reply.doneByteCount == 1 << 20)
      // The point need not be held any longer.
      try bench.exports.delete(Self.export)
      let wish = RestoreRequest(
        repository: request.repository,
        snapshot: try #require(reply.snapshot),
        name: request.name,
        byteCount: 1 << 20,
        folder: bench.root + "/pool/restored"
      )
      #expect(
        try await restore(bench, wish) == CopyReply(copiedByteCount: 1 << 20, isComplete: true)
      )
      var content = [UInt8](repeating: 0, count: 1 << 20)
      content.replaceSubrange(4096..<74_096, with: [UInt8](repeating: 1, count: 70_000))
      let path = Self.copy.path(in: wish.folder)
      #expect(try Data(contentsOf: URL(filePath: path)) == Data(content))
    }
  }

  @Test func `of zeroes alone is restored without taking room`() async throws {
    try await withRepository { bench, archives, request in
      var request = request
      request.volume = VolumeIdentifier("scsi:0:1")
      let reply = try await complete(archives, request)
      let wish = RestoreRequest(
        repository: request.repository,
        snapshot: try #require(reply.snapshot),
        name: request.name,
        byteCount: reply.byteCount,
        folder: bench.root + "/pool/restored"
      )
      #expect(try await restore(bench, wish) == CopyReply(copiedByteCount: 0, isComplete: true))
      let file = try File(path: Self.copy.path(in: wish.folder), creating: false)
      #expect(try file.byteCount() == reply.byteCount)
      #expect(try file.allocatedByteCount() == 0)
    }
  }

  @Test func `is not restored where it is not what it is said to be`() async throws {
    try await withRepository { bench, archives, request in
      let snapshot = try #require(try await complete(archives, request).snapshot)
      let right = RestoreRequest(
        repository: request.repository,
        snapshot: snapshot,
        name: request.name,
        byteCount: 1 << 20,
        folder: bench.root + "/pool/restored"
      )
      let changes: [(inout RestoreRequest) -> Void] = [
        { $0.byteCount -= 512 }, { $0.byteCount += 512 }, { $0.name = "vdb.raw" },
        { $0.snapshot = String(repeating: "0", count: 64) },
        { $0.repository.password = "another" },
      ]
      for change in changes {
        var wrong = right
        change(&wrong)
        let reply = try await restore(bench, wrong)
        #expect(!reply.failure.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: Self.copy.path(in: wrong.folder)))
      }
    }
  }

  @Test(arguments: Place.allCases)
  func `is found by its tags, and forgotten`(_ place: Place) async throws {
    try await withRepository(in: place) { bench, archives, request in
      let snapshot = try #require(try await complete(archives, request).snapshot)
      let repositories = Repositories(cacheFolder: bench.cache)
      var list = SnapshotListRequest(repository: request.repository, tags: ["set=1", "understudy"])
      #expect(
        try repositories.disks(list) == [ArchivedDisk(snapshot: snapshot, name: "vda.raw")]
      )
      list.tags = ["set=2"]
      #expect(try repositories.disks(list) == [])
      list.tags = []
      let before = try repositories.check(
        RepositoryRequest(repository: request.repository, isNew: false)
      )
      #expect(before.usedByteCount > 0)
      try repositories.forget(
        ForgetRequest(repository: request.repository, snapshots: [snapshot])
      )
      #expect(try repositories.disks(list) == [])
      let after = try repositories.check(
        RepositoryRequest(repository: request.repository, isNew: false)
      )
      #expect(after.usedByteCount == 0)
      #expect(throws: ControlFailure.self) {
        try repositories.forget(
          ForgetRequest(repository: request.repository, snapshots: ["--help"])
        )
      }
    }
  }

  @Test func `is worked on by no restic once its copy was ended, at whatever moment`() async throws
  {
    try await withRepository { _, archives, request in
      for pause in [0, 50, 300] {
        _ = try archives.put(Self.copy, request)
        try await Task.sleep(for: .milliseconds(pause))
        archives.delete(Self.copy)
        #expect(!isBusy(request.repository.location))
      }
      // Forgotten, it is begun anew; and one name is of one disk.
      _ = try await complete(archives, request)
      #expect(throws: ControlFailure.self) {
        var other = request
        other.name = "vdb.raw"
        return try archives.put(Self.copy, other)
      }
    }
  }

  private func isBusy(_ location: String) -> Bool {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.contains { process in
      let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
      return String(decoding: environment, as: UTF8.self).contains("RESTIC_REPOSITORY=\(location)")
    }
  }

  @Test func `is locked as its bucket says, and no longer than what was written first`()
    async throws
  {
    let began = Date.now
    let day: Double = 24 * 60 * 60
    try await withRepository(in: .bucket, lockedForDays: 1) { bench, archives, request in
      func lock() throws -> RetentionRepository.Lock? {
        try Repositories(cacheFolder: bench.cache)
          .check(RepositoryRequest(repository: request.repository, isNew: false)).lock
      }
      let before = try lock()
      guard case .until(let end) = before else { throw Unlocked(lock: before) }
      let seconds = Double(end.milliseconds) / 1000 - began.timeIntervalSince1970
      #expect(seconds > day - 2 && seconds < day + Date.now.timeIntervalSince(began) + 2)
      _ = try await complete(archives, request)
      #expect(try lock() == before)
    }
    for place in Place.allCases {
      try await withRepository(in: place) { bench, _, request in
        let reply = try Repositories(cacheFolder: bench.cache)
          .check(RepositoryRequest(repository: request.repository, isNew: false))
        #expect(reply.lock == RetentionRepository.Lock.none)
      }
    }
  }

  private struct Unlocked: Error { var lock: RetentionRepository.Lock? }

  @Test func `is not copied to a bucket with a key that does not open it, and the answer says so`()
    async throws
  {
    try await withRepository(in: .bucket) { bench, archives, request in
      var request = request
      request.repository.accessKey?.secret = "another"
      let repositories = Repositories(cacheFolder: bench.cache)
      let refusal = #expect(throws: ControlFailure.self) {
        try repositories.check(RepositoryRequest(repository: request.repository, isNew: false))
      }
      #expect(refusal?.status == 403)
      #expect(refusal?.message.contains("does not open to this access key") == true)
      let reply = try await ended(archives, request)
      #expect(reply.snapshot == nil)
      #expect(reply.failure.contains("does not open to this access key"))
    }
  }

  @Test func `of what is not there, or under no name, is refused`() async throws {
    try await withRepository { _, archives, request in
      let changes: [(inout ArchiveRequest) -> Void] = [
        { $0.export = ExportIdentifier("x") }, { $0.volume = VolumeIdentifier("x") },
        { $0.name = "a/b" }, { $0.tags = ["a,b"] }, { $0.host = "" }, { $0.name = "a\nb" },
        { $0.repository.location = "sftp:host:/archive" },
        { $0.repository.location = "rclone:program" },
        { $0.repository.location = "/there/is/none" },
        { $0.repository.password = "" },
      ]
      for change in changes {
        var wrong = request
        change(&wrong)
        #expect(throws: ControlFailure.self) { try archives.put(Self.copy, wrong) }
      }
    }
  }
}

/// With a real restic, and folders.
@Suite(.timeLimit(.minutes(5))) struct `A repository that is added` {
  private func status(_ body: () throws -> Void) -> Int? {
    do {
      try body()
      return nil
    } catch { return (error as? ControlFailure)?.status }
  }

  @Test func `is made once, measured, and known by its identifier wherever it is`() throws {
    let folder = NSTemporaryDirectory() + "us-repository-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let repositories = Repositories(cacheFolder: folder + "/cache")
    var repository = ArchiveRepository(location: folder + "/a", password: "of this test")
    func check(isNew: Bool) throws -> RepositoryReply {
      try repositories.check(RepositoryRequest(repository: repository, isNew: isNew))
    }
    #expect(status { _ = try check(isNew: true) } == 400)
    try FileManager.default.createDirectory(
      atPath: repository.location,
      withIntermediateDirectories: true
    )
    #expect(status { _ = try check(isNew: false) } == 404)
    let made = try check(isNew: true)
    #expect(made.usedByteCount == 0)
    let free = try #require(made.freeByteCount)
    #expect(free > 0 && free <= made.capacityByteCount ?? 0)
    #expect(status { _ = try check(isNew: true) } == 409)
    try FileManager.default.moveItem(atPath: folder + "/a", toPath: folder + "/b")
    repository.location = folder + "/b"
    #expect(try check(isNew: false).identifier == made.identifier)
    repository.password = "another"
    #expect(status { _ = try check(isNew: false) } == 403)
    repository.password = "of this test"
    // A place where nothing can be written, also for root.
    try FileManager.default.removeItem(atPath: folder + "/b/locks")
    try Data().write(to: URL(filePath: folder + "/b/locks"))
    #expect(status { _ = try check(isNew: false) } == 500)
  }
}

extension RecoveryBench {
  /// restic's.
  fileprivate var cache: String { root + "/cache" }
}
