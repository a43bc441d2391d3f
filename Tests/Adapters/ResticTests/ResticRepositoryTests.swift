// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization
import Testing

@testable import Restic

/// A real restic, and a folder or a bucket of a real S3 server.
@Suite(.withS3Server, .timeLimit(.minutes(5))) struct `A restic repository` {
  @Test(arguments: Place.allCases)
  func `gives a disk back byte for byte, and its second copy costs next to nothing`(_ place: Place)
    throws
  {
    let scratch = try Scratch(in: place)
    defer { scratch.remove() }
    let repository = scratch.repository
    try repository.initialise()
    let disk = Disk(data: 3 << 20, zeroes: 64 << 20)
    let first = try repository.keep(disk)
    #expect(first.byteCount == disk.byteCount)
    #expect(first.addedByteCount >= 3 << 20)
    let second = try repository.keep(disk)
    #expect(second.addedByteCount < 1 << 20)
    #expect(try repository.storedByteCount() < 5 << 20)
    for snapshot in [first.snapshot, second.snapshot] {
      #expect(try repository.contents(of: snapshot) == disk.bytes)
    }
    try repository.check(readsData: true)
  }

  @Test(arguments: Place.allCases)
  func `lists what was kept, under its name, host and tags`(_ place: Place) throws {
    let scratch = try Scratch(in: place)
    defer { scratch.remove() }
    let repository = scratch.repository
    try repository.initialise()
    let kept = try repository.keep(Disk(data: 1000, zeroes: 0), tags: ["understudy", "set-1"])
    _ = try repository.keep(Disk(data: 1000, zeroes: 0), tags: ["understudy"])
    let found = try repository.snapshots(tags: ["understudy", "set-1"])
    #expect(found.map(\.id) == [kept.snapshot])
    #expect(found.first?.paths == ["/vda.raw"])
    #expect(found.first?.hostname == "web1")
    #expect(try repository.snapshots().count == 2)
  }

  @Test func `is known by an identifier, and says what is wrong with a place`() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    var repository = scratch.repository
    #expect { _ = try repository.identifier() } throws: { Self.kind(of: $0) == "noRepository" }
    try repository.initialise()
    let identifier = try repository.identifier()
    #expect(identifier.count == 64)
    #expect { try repository.initialise() } throws: { Self.kind(of: $0) == "alreadyThere" }
    #expect(try repository.identifier() == identifier)
    repository.password = "another"
    #expect { _ = try repository.identifier() } throws: { Self.kind(of: $0) == "wrongPassword" }
    repository.password = String(repeating: "x", count: 5000)
    #expect { _ = try repository.identifier() } throws: { Self.kind(of: $0) == "failed" }
    repository.location = scratch.folder + "/file/below"
    try Data().write(to: URL(filePath: scratch.folder + "/file"))
    #expect { try repository.initialise() } throws: { Self.kind(of: $0) == "failed" }
  }

  @Test(arguments: Place.allCases)
  func `keeps nothing of a stream whose source fails or ends early`(_ place: Place) throws {
    let scratch = try Scratch(in: place)
    defer { scratch.remove() }
    let repository = scratch.repository
    try repository.initialise()
    struct Unreadable: Error {}
    let piece = [UInt8](repeating: 7, count: 1 << 20)
    #expect(throws: Unreadable.self) {
      try repository.backUp(
        "vda.raw",
        host: "web1",
        tags: [],
        at: 0,
        byteCount: 2 << 20
      ) { send in
        try piece.withUnsafeBytes { try send($0) }
        throw Unreadable()
      }
    }
    #expect { try repository.keep(Disk(data: 100, zeroes: 0), promised: 101) } throws: {
      Self.kind(of: $0) == "failed"
    }
    #expect(try repository.snapshots() == [])
    // Nothing is locked by the ones that were ended.
    try repository.check()
  }

  @Test func `ends restic soon when a copy is not wanted any more, and keeps nothing`() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let repository = scratch.repository
    try repository.initialise()
    let isWanted = Atomic(true)
    let piece = [UInt8](repeating: 7, count: 1 << 20)
    #expect { () throws -> Void in
      _ = try repository.backUp(
        "vda.raw",
        host: "web1",
        tags: [],
        at: 0,
        byteCount: 1 << 40,
        isWanted: { isWanted.load(ordering: .relaxed) }
      ) { send in
        // More than a pipe holds: restic is there and takes it.
        try piece.withUnsafeBytes { try send($0) }
        let children = Self.children(with: repository.location)
        #expect(children.count == 1)
        // As a place that no longer answers: restic takes nothing more.
        for child in children { kill(child, SIGSTOP) }
        isWanted.store(false, ordering: .relaxed)
        while true { try piece.withUnsafeBytes { try send($0) } }
      }
    } throws: {
      Self.kind(of: $0) == "cancelled"
    }
    #expect(Self.children(with: repository.location) == [])
    #expect(try repository.snapshots() == [])
  }

  @Test func `has its password known to nobody who lists processes`() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let repository = scratch.repository
    try repository.initialise()
    _ = try repository.backUp(
      "vda.raw",
      host: "web1",
      tags: [],
      at: 0,
      byteCount: 1 << 20
    ) { send in
      // More than a pipe holds: restic is there and takes it.
      let piece = [UInt8](repeating: 7, count: 1 << 20)
      try piece.withUnsafeBytes { try send($0) }
      let children = Self.children(with: repository.location)
      #expect(children.count == 1)
      for child in children {
        for file in ["cmdline", "environ"] {
          #expect(!Self.text("/proc/\(child)/\(file)").contains(repository.password))
        }
        #expect(Self.text("/proc/\(child)/status").contains("NoNewPrivs:\t1"))
      }
    }
  }

  @Test(arguments: Place.allCases)
  func `gives room back for what is forgotten, past the lock of a killed process`(_ place: Place)
    throws
  {
    let scratch = try Scratch(in: place)
    defer { scratch.remove() }
    let repository = scratch.repository
    try repository.initialise()
    let gone = try repository.keep(Disk(data: 8 << 20, zeroes: 0))
    let disk = Disk(data: 1 << 20, zeroes: 0)
    let stays = try repository.keep(disk)
    #expect(throws: (any Error).self) {
      try repository.backUp(
        "vda.raw",
        host: "web1",
        tags: [],
        at: 0,
        byteCount: 1 << 40
      ) { send in
        let piece = [UInt8](repeating: 7, count: 1 << 20)
        try piece.withUnsafeBytes { try send($0) }
        try piece.withUnsafeBytes { try send($0) }
        for child in Self.children(with: repository.location) { kill(child, SIGKILL) }
        while true { try piece.withUnsafeBytes { try send($0) } }
      }
    }
    try repository.forget([gone.snapshot])
    #expect(try repository.snapshots().map(\.id) == [stays.snapshot])
    #expect(try repository.storedByteCount() < 2 << 20)
    #expect(try repository.contents(of: stays.snapshot) == disk.bytes)
    try repository.forget([gone.snapshot])
    try repository.forget([])
  }

  @Test func `does not give out what was damaged as if it were right`() throws {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let repository = scratch.repository
    try repository.initialise()
    let kept = try repository.keep(Disk(data: 2 << 20, zeroes: 0))
    try scratch.damageData()
    #expect(throws: ResticError.self) { try repository.check(readsData: true) }
    #expect(throws: (any Error).self) { _ = try repository.contents(of: kept.snapshot) }
  }

  // MARK: Parts

  static func kind(of error: any Error) -> String {
    switch error as? ResticError {
    case .noRepository: "noRepository"
    case .alreadyThere: "alreadyThere"
    case .unreachable: "unreachable"
    case .refused: "refused"
    case .wrongPassword: "wrongPassword"
    case .locked: "locked"
    case .cancelled: "cancelled"
    case .failed: "failed"
    case nil: "\(error)"
    }
  }

  /// Ours, and at work for the repository.
  private static func children(with location: String) -> [pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.filter { process in
      process != getpid()
        && text("/proc/\(process)/environ").contains("RESTIC_REPOSITORY=\(location)\0")
    }
  }

  private static func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }
}
