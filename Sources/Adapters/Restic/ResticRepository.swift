// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// A place where restic keeps streams of bytes: deduplicated, compressed and encrypted.
///
/// Every call runs one restic and blocks until that has ended. `isWanted` is asked a few times a
/// second; once it is false the child is ended and the call throws ``ResticError/cancelled``.
package struct ResticRepository: Sendable, Equatable {
  /// As restic has it: a folder's path, or `s3:https://host/bucket/path`.
  package var location: String
  package var password: String
  /// What the place needs beside: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`.
  package var environment: [String: String]
  /// restic keeps indexes here, for each repository a folder of its own; it is made if missing.
  package var cacheFolder: String
  /// How long a place may fail every try while a stream goes to or from it; restic itself would go
  /// on for a quarter of an hour.
  package var patience = Duration.seconds(120)

  package init(
    location: String,
    password: String,
    environment: [String: String] = [:],
    cacheFolder: String
  ) {
    self.location = location
    self.password = password
    self.environment = environment
    self.cacheFolder = cacheFolder
  }

  /// Makes the repository; one that is there is an error and stays as it is.
  package func initialise(isWanted: @escaping @Sendable () -> Bool = { true }) throws(ResticError) {
    _ = try run(["init"], isWanted)
  }

  /// What tells the repository from every other; the right password is needed to read it.
  package func identifier(isWanted: @escaping @Sendable () -> Bool = { true }) throws(ResticError)
    -> String
  {
    try decoded(ResticConfiguration.self, ["cat", "config"], isWanted).id
  }

  /// How much the repository holds, in bytes as they are stored.
  package func storedByteCount(
    isWanted: @escaping @Sendable () -> Bool = { true }
  ) throws(ResticError) -> UInt64 {
    try decoded(ResticStatistics.self, ["stats", "--mode", "raw-data", "--json"], isWanted)
      .byteCount
  }

  /// Takes in a stream of exactly `byteCount` bytes.
  ///
  /// `body` hands the bytes over, piece by piece, and may throw: nothing is kept then. restic takes
  /// the end of its input for the end of the stream, whatever brought it about. So the input stays
  /// open until the child has ended, unless every byte was given.
  ///
  /// `seconds` is what the snapshot is as of, since 1970.
  package func backUp(
    _ name: String,
    host: String,
    tags: [String],
    at seconds: Int64,
    byteCount: UInt64,
    isWanted: @escaping @Sendable () -> Bool = { true },
    from body: (_ send: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws -> ResticBackup {
    let process = try ResticProcess(
      ["backup", "--json", "--stdin", "--stdin-filename=\(name)", "--host=\(host)"]
        + ["--time=\(Self.text(seconds))"] + tags.map { "--tag=\($0)" },
      in: self,
      keeping: .last(1 << 16)
    )
    var sent: UInt64 = 0
    do {
      try body { bytes in
        try process.send(bytes, isWanted: isWanted)
        sent += UInt64(bytes.count)
      }
      guard sent == byteCount else {
        throw ResticError.failed("\(name): \(sent) bytes were given of \(byteCount)")
      }
    } catch {
      process.end()
      throw error
    }
    let output = try process.finish(isWanted: isWanted)
    guard let summary = ResticSummary(output: output), summary.byteCount == byteCount,
      // The summary has the first digits only.
      let snapshot = try decoded(
        [ResticSnapshot].self,
        ["snapshots", "--json", "--", summary.snapshot],
        isWanted
      ).first
    else { throw ResticError.failed("restic does not say that it kept \(name) whole") }
    return ResticBackup(
      snapshot: snapshot.id,
      byteCount: byteCount,
      addedByteCount: summary.addedByteCount
    )
  }

  /// The snapshots that have all of the tags.
  package func snapshots(
    tags: [String] = [],
    isWanted: @escaping @Sendable () -> Bool = { true }
  ) throws(ResticError) -> [ResticSnapshot] {
    let filter = tags.isEmpty ? [] : ["--tag=\(tags.joined(separator: ","))"]
    return try decoded([ResticSnapshot].self, ["snapshots", "--json"] + filter, isWanted)
  }

  /// Forgets snapshots and gives back the room that no other needs; those that are gone are fine.
  package func forget(
    _ snapshots: [String],
    isWanted: @escaping @Sendable () -> Bool = { true }
  ) throws(ResticError) {
    guard !snapshots.isEmpty else { return }
    // Of a process that was killed; no other lock is taken away.
    try unlock(isWanted: isWanted)
    _ = try run(["forget", "--prune", "--"] + snapshots, isWanted)
  }

  /// Reads structure and index, and with `readsData` every byte, and throws what is wrong.
  package func check(
    readsData: Bool = false,
    isWanted: @escaping @Sendable () -> Bool = { true }
  ) throws(ResticError) {
    _ = try run(["check"] + (readsData ? ["--read-data"] : []), isWanted)
  }

  /// Gives out a snapshot's stream, piece by piece, in order.
  ///
  /// What `body` was given is the whole stream only if this returns.
  package func dump(
    _ snapshot: String,
    _ name: String,
    isWanted: @escaping @Sendable () -> Bool = { true },
    to body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let process = try ResticProcess(["dump", "--", snapshot, name], in: self, keeping: .none)
    process.closeInput()
    do { while try process.receive(isWanted: isWanted, body) {} } catch {
      process.end()
      throw error
    }
    _ = try process.finish(isWanted: isWanted)
  }

  /// Removes the locks of processes that are no more.
  package func unlock(isWanted: @escaping @Sendable () -> Bool = { true }) throws(ResticError) {
    _ = try run(["unlock"], isWanted)
  }

  // MARK: Parts

  private func decoded<Value: Decodable>(
    _ type: Value.Type,
    _ arguments: [String],
    _ isWanted: @escaping @Sendable () -> Bool
  ) throws(ResticError) -> Value {
    let output = try run(arguments, isWanted)
    do { return try JSONDecoder().decode(type, from: Data(output)) } catch {
      throw .failed("restic \(arguments[0]) prints something else than expected: \(error)")
    }
  }

  private func run(
    _ arguments: [String],
    _ isWanted: @escaping @Sendable () -> Bool
  ) throws(ResticError) -> [UInt8] {
    let process = try ResticProcess(arguments, in: self, keeping: .all(below: 64 << 20))
    return try process.finish(isWanted: isWanted)
  }

  /// `2026-11-29 02:20:00`, in UTC, which is the child's zone.
  private static func text(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).formatted(
      .iso8601.dateTimeSeparator(.space).year().month().day().time(
        includingFractionalSeconds: false
      )
    )
  }
}
