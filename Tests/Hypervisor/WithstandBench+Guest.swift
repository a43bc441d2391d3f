// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Lab

/// Watches from outside how steadily the protected guest writes.
extension WithstandBench {
  /// Runs `body`, then checks that the guest saw no disk error and no number is missing.
  ///
  /// - Returns: The longest time in seconds between two numbers meanwhile.
  func watchingGuest(during body: () async throws -> Void) async throws -> Double {
    let errors = consoleErrors.count
    let address = try #require(try await source.address())
    let stop = FileManager.default.temporaryDirectory
      .appending(path: "understudy-watch-\(UUID().uuidString)").path(percentEncoded: false)
    defer { try? FileManager.default.removeItem(atPath: stop) }
    async let samples = Program.run(
      [
        "ip", "netns", "exec", london.namespace, "sh", "-c", Self.sampling, "sh", address, stop,
      ],
      seconds: 300
    )
    let outcome: (any Error)?
    do {
      try await body()
      outcome = nil
    } catch {
      outcome = error
    }
    try Data().write(to: URL(filePath: stop))
    let lines = try await samples
    if let outcome { throw outcome }
    #expect(consoleErrors.count == errors, "\(consoleErrors)")
    try await checkSequence(of: source)
    return try Self.longestPause(lines)
  }

  /// Takes the guest's number, which is in its memory, many times a second.
  private static let sampling = #"""
    while [ ! -e "$2" ]; do
      echo "$(date +%s.%N) $(curl --silent --noproxy '*' --max-time 2 "http://$1/last")"
      sleep 0.03
    done
    """#

  private static func longestPause(_ samples: String) throws -> Double {
    var changes: [(time: Double, number: Int)] = []
    for line in samples.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let time = Double(words[0]), let number = Int(words[1]),
        changes.last?.number != number
      else { continue }
      changes.append((time, number))
    }
    let pauses = zip(changes.dropFirst(), changes).map { $0.time - $1.time }
    return try #require(pauses.max(), "the guest did not write at all")
  }

  /// What the guest's kernel said about its disks.
  private var consoleErrors: [Substring] {
    let console =
      (try? String(contentsOfFile: london.logFile("\(Self.vmName)-console"), encoding: .utf8)) ?? ""
    return console.split(whereSeparator: \.isNewline).filter { line in
      ["I/O error", "EXT4-fs error", "Remounting filesystem read-only"].contains {
        line.contains($0)
      }
    }
  }
}
