// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Restic

/// What only a bucket has: keys, a server that may be gone, and locks.
extension `A restic repository` {
  @Test func `in a bucket says which of place, key and password is wrong`() throws {
    let scratch = try Scratch(in: .bucket)
    defer { scratch.remove() }
    let right = scratch.repository
    try right.initialise()
    let changes: [(kind: String, change: (inout ResticRepository) -> Void)] = [
      ("refused", { $0.environment["AWS_SECRET_ACCESS_KEY"] = "another" }),
      ("refused", { $0.environment["AWS_ACCESS_KEY_ID"] = "another" }),
      ("wrongPassword", { $0.password = "another" }),
      ("noRepository", { $0.location += "/below" }),
      ("noRepository", { $0.location = $0.location.replacing("/archive", with: "-2/archive") }),
      // Nobody listens at this port.
      ("unreachable", { $0.location = "s3:http://127.0.0.1:9/bucket/archive" }),
    ]
    for (kind, change) in changes {
      var wrong = right
      change(&wrong)
      #expect { _ = try wrong.identifier() } throws: { error in
        Self.kind(of: error) == kind && "\(error)".contains(wrong.location)
      }
    }
    for key in right.environment.keys {
      var wrong = right
      wrong.location += "-new"
      wrong.environment[key] = "another"
      #expect { try wrong.initialise() } throws: { Self.kind(of: $0) == "refused" }
    }
  }

  @Test func `whose server goes says so in a while, and takes the same copy when it is back`()
    throws
  {
    let server = try #require(S3Server.current)
    let scratch = try Scratch(in: .bucket)
    defer { scratch.remove() }
    var repository = scratch.repository
    try repository.initialise()
    repository.patience = .seconds(2)
    let disk = Disk(data: 1 << 20, zeroes: 0)
    do {
      defer { #expect(throws: Never.self) { try server.startGateway() } }
      #expect {
        try repository.backUp(
          "vda.raw",
          host: "web1",
          tags: [],
          at: 0,
          byteCount: 1 << 40
        ) { send in
          try disk.bytes.withUnsafeBytes { try send($0) }
          server.killGateway()
          // More than restic keeps, and never the same.
          while true { try Disk(data: 1 << 20, zeroes: 0).bytes.withUnsafeBytes { try send($0) } }
        }
      } throws: { error in
        Self.kind(of: error) == "unreachable" && "\(error)".contains("connection refused")
      }
      #expect { _ = try repository.snapshots() } throws: { Self.kind(of: $0) == "unreachable" }
    }
    #expect(try repository.snapshots() == [])
    let kept = try repository.keep(disk)
    #expect(try repository.contents(of: kept.snapshot) == disk.bytes)
    // The lock of the one that was ended is in nobody's way.
    try repository.forget([kept.snapshot])
    try repository.check(readsData: true)
  }

  @Test func `goes on with a copy whose server was away for a moment`() throws {
    let server = try #require(S3Server.current)
    let scratch = try Scratch(in: .bucket)
    defer { scratch.remove() }
    let repository = scratch.repository
    try repository.initialise()
    let disk = Disk(data: 48 << 20, zeroes: 0)
    let kept = try repository.backUp(
      "vda.raw",
      host: "web1",
      tags: [],
      at: 0,
      byteCount: disk.byteCount
    ) { send in
      try disk.bytes[..<(24 << 20)].withUnsafeBytes { try send($0) }
      server.killGateway()
      try disk.bytes[(24 << 20)...].withUnsafeBytes { try send($0) }
      try server.startGateway()
    }
    #expect(try repository.contents(of: kept.snapshot) == disk.bytes)
  }

  @Test func `in a bucket with object lock loses nothing to whoever has its password and keys`()
    throws
  {
    let server = try #require(S3Server.current)
    let bucket = try server.makeBucket(lockedForDays: 1)
    let scratch = try Scratch(bucket: bucket)
    defer { scratch.remove() }
    let repository = scratch.repository
    try repository.initialise()
    let disk = Disk(data: 1 << 20, zeroes: 0)
    let kept = try repository.keep(disk)
    let written = try server.versions(in: bucket).filter { !$0.isMarker }

    // It is gone from the list, and everything of it is still there, under markers.
    try repository.forget([kept.snapshot])
    #expect(try repository.snapshots() == [])
    let after = try server.versions(in: bucket)
    #expect(written.allSatisfy(after.contains))
    #expect(after.contains { $0.isMarker && $0.key == "archive/snapshots/\(kept.snapshot)" })

    // The server lets go of none of it before its time, and says why.
    for version in written {
      let answer = try server.delete(version, in: bucket)
      #expect(answer.status == "403")
      #expect(answer.text.contains("AccessDenied"))
    }

    // Without the markers it is what it was.
    for marker in after where marker.isMarker && !marker.key.contains("/locks/") {
      #expect(try server.delete(marker, in: bucket).status == "204")
    }
    #expect(try repository.snapshots().map(\.id) == [kept.snapshot])
    #expect(try repository.contents(of: kept.snapshot) == disk.bytes)
    try repository.check(readsData: true)
  }
}
