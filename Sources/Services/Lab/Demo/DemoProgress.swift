// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Lines for a person who watches, each with the seconds since the beginning.
struct DemoProgress: Sendable {
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now

  func chapter(_ text: String) { write("\n\(time)  \(text)") }

  func detail(_ text: String) { write("\(time)    \(text)") }

  func plain(_ text: String) { write(text) }

  private var time: String {
    String(format: "%6.1f s", (clock.now - start) / .seconds(1))
  }

  private func write(_ line: String) { ProgressLine.write(line) }
}
