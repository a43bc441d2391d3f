// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Restic

/// Where a repository is.
enum Place: CaseIterable {
  case folder
  /// Of ``S3Server/current``.
  case bucket
}

/// A place for a repository, and a folder for what is beside it.
struct Scratch {
  let folder: String
  private let location: String
  private let environment: [String: String]

  init(in place: Place = .folder) throws {
    switch place {
    case .folder: try self.init(bucket: nil)
    case .bucket: try self.init(bucket: try #require(S3Server.current).makeBucket())
    }
  }

  /// In a bucket of ``S3Server/current``; nil is a folder.
  init(bucket: String?) throws {
    folder = NSTemporaryDirectory() + "us-restic-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    if let bucket {
      location = "s3:\(try #require(S3Server.current).endpoint)/\(bucket)/archive"
      environment = [
        "AWS_ACCESS_KEY_ID": S3Server.accessKey, "AWS_SECRET_ACCESS_KEY": S3Server.secretKey,
      ]
    } else {
      location = folder + "/repository"
      environment = [:]
    }
  }

  var repository: ResticRepository {
    ResticRepository(
      location: location,
      password: "known-to-nobody-\(folder.hashValue)",
      environment: environment,
      cacheFolder: folder + "/cache"
    )
  }

  /// Changes a byte in the middle of every pack.
  func damageData() throws {
    let data = folder + "/repository/data"
    for name in try FileManager.default.subpathsOfDirectory(atPath: data) {
      let url = URL(filePath: "\(data)/\(name)")
      guard !url.hasDirectoryPath, var bytes = try? Data(contentsOf: url) else { continue }
      bytes[bytes.count / 2] ^= 1
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
      try bytes.write(to: url)
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

/// Noise, then zeroes.
struct Disk {
  let bytes: [UInt8]
  var byteCount: UInt64 { UInt64(bytes.count) }

  init(data: Int, zeroes: Int) {
    var generator = SystemRandomNumberGenerator()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(data + zeroes)
    while bytes.count < data {
      withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) }
    }
    self.bytes = bytes.prefix(data) + [UInt8](repeating: 0, count: zeroes)
  }
}

extension ResticRepository {
  func keep(
    _ disk: Disk,
    tags: [String] = [],
    promised: UInt64? = nil
  ) throws -> ResticBackup {
    try backUp(
      "vda.raw",
      host: "web1",
      tags: tags,
      at: 1_700_000_000,
      byteCount: promised ?? disk.byteCount
    ) { send in
      try disk.bytes.withUnsafeBytes { try send($0) }
    }
  }

  func contents(of snapshot: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try dump(snapshot, "vda.raw") { bytes.append(contentsOf: $0) }
    return bytes
  }
}
