// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Buckets
package import ControlProtocol
internal import Foundation
internal import RecoveryModel
internal import Restic

/// What is asked of repositories as such.
///
/// Calls block for as long as the repository takes, and no longer than their limits.
package struct Repositories: Sendable {
  private static let checkLimit = Duration.seconds(50)
  /// Pruning rewrites what is half forgotten.
  private static let forgetLimit = Duration.seconds(3500)

  private let cacheFolder: String

  /// `cacheFolder` is restic's.
  package init(cacheFolder: String) { self.cacheFolder = cacheFolder }

  /// Makes a repository, or finds it; and measures it.
  ///
  /// - Throws: 403 for another password, 404 if there is none, 409 if there is one already.
  package func check(_ request: RepositoryRequest) throws -> RepositoryReply {
    let repository = try request.repository.restic(cacheFolder: cacheFolder)
    return try failing(within: Self.checkLimit) { isWanted in
      if request.isNew { try repository.initialise(isWanted: isWanted) }
      let identifier = try repository.identifier(isWanted: isWanted)
      // Leaves a lock and takes it away: a place that cannot be written is found out.
      let used = try repository.storedByteCount(isWanted: isWanted)
      let room = request.repository.room
      return RepositoryReply(
        identifier: identifier,
        usedByteCount: used,
        capacityByteCount: room?.capacity,
        freeByteCount: room?.free,
        lock: request.repository.lock(isWanted)
      )
    }
  }

  /// The disks that have all of the tags.
  package func disks(_ request: SnapshotListRequest) throws -> [ArchivedDisk] {
    let repository = try request.repository.restic(cacheFolder: cacheFolder)
    return try failing(within: Self.checkLimit) { isWanted in
      try repository.snapshots(tags: request.tags, isWanted: isWanted).map { snapshot in
        ArchivedDisk(
          snapshot: snapshot.id,
          name: String(snapshot.paths.first?.drop { $0 == "/" } ?? "")
        )
      }
    }
  }

  /// Forgets disks and gives back their room.
  package func forget(_ request: ForgetRequest) throws {
    let repository = try request.repository.restic(cacheFolder: cacheFolder)
    for snapshot in request.snapshots where !snapshot.isSnapshot {
      throw ControlFailure(status: 400, message: "\"\(snapshot)\" is no snapshot")
    }
    try failing(within: Self.forgetLimit) { isWanted in
      try repository.forget(request.snapshots, isWanted: isWanted)
    }
  }

  private func failing<Result>(
    within limit: Duration,
    _ body: (_ isWanted: @escaping @Sendable () -> Bool) throws -> Result
  ) throws -> Result {
    let deadline = ContinuousClock.now + limit
    do { return try body { ContinuousClock.now < deadline } } catch ResticError.cancelled {
      throw ControlFailure(
        status: 500,
        message: "The repository did not answer within \(limit.components.seconds) seconds."
      )
    } catch let error as ResticError {
      throw error.failure
    }
  }
}

extension String {
  fileprivate var isSnapshot: Bool { count == 64 && allSatisfy { $0.isHexDigit && $0.isASCII } }
}

extension ArchiveRepository {
  /// The repository as the adapter knows it.
  ///
  /// - Throws: 400 unless it is a folder that is there, or on S3: other kinds have restic start
  ///   programs.
  func restic(cacheFolder: String) throws -> ResticRepository {
    var environment: [String: String] = [:]
    if location.hasPrefix("/") {
      // A folder that is missing is a typing mistake or a mount that is not there: restic would
      // make it, on the host's own disk.
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: location, isDirectory: &isFolder),
        isFolder.boolValue
      else {
        throw ControlFailure(
          status: 400,
          message: "There is no folder \(location) on the appliance's host: make or mount it first."
        )
      }
    } else if location.hasPrefix("s3:https://") || location.hasPrefix("s3:http://") {
      environment["AWS_ACCESS_KEY_ID"] = accessKey?.identifier
      environment["AWS_SECRET_ACCESS_KEY"] = accessKey?.secret
      if let region = accessKey?.region, !region.isEmpty {
        environment["AWS_DEFAULT_REGION"] = region
      }
    } else {
      throw ControlFailure(
        status: 400,
        message:
          "\(location) is no repository: it must be a folder's absolute path, or s3:https://…"
      )
    }
    let texts = [location, password] + environment.values
    guard texts.allSatisfy({ !$0.utf8.contains(0) && !$0.contains("\n") }), !password.isEmpty else {
      throw ControlFailure(
        status: 400,
        message: "A repository's place, password or key is no text."
      )
    }
    return ResticRepository(
      location: location,
      password: password,
      environment: environment,
      cacheFolder: cacheFolder
    )
  }

  /// As the server says it of every object; nil if it does not.
  fileprivate func lock(_ isWanted: () -> Bool) -> RetentionRepository.Lock? {
    if location.hasPrefix("/") { return RetentionRepository.Lock.none }
    let bucket = BucketLock(
      location: location,
      accessKey: accessKey?.identifier ?? "",
      secretKey: accessKey?.secret ?? "",
      region: accessKey?.region ?? ""
    )
    do {
      // Those of restic's that say who is at work come and go.
      guard let end = try bucket?.end(ignoring: ["locks"], isWanted: isWanted) else {
        return bucket == nil ? nil : RetentionRepository.Lock.none
      }
      return .until(WallTime(milliseconds: Int64(end.timeIntervalSince1970 * 1000)))
    } catch { return nil }
  }

  /// Of the file system; nil on S3.
  fileprivate var room: (capacity: UInt64, free: UInt64)? {
    var status = statvfs()
    guard location.hasPrefix("/"), statvfs(location, &status) == 0 else { return nil }
    return (
      UInt64(status.f_blocks) * UInt64(status.f_frsize),
      UInt64(status.f_bavail) * UInt64(status.f_frsize)
    )
  }
}

extension ResticError {
  /// What a control port answers.
  fileprivate var failure: ControlFailure {
    switch self {
    case .noRepository(let text): ControlFailure(status: 404, message: text)
    case .alreadyThere(let text), .locked(let text): ControlFailure(status: 409, message: text)
    case .wrongPassword(let text), .refused(let text): ControlFailure(status: 403, message: text)
    case .cancelled, .unreachable, .failed: ControlFailure(status: 500, message: description)
    }
  }
}
