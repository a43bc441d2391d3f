// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What happened last in a world, in words, for who looks for the cause of a violation.
package struct Trace {
  let isOn: Bool
  private var lines: [String] = []
  private var next = 0
  private static let limit = 5000

  init(isOn: Bool) { self.isOn = isOn }

  /// Notes a line; it is not even made unless the trace is on.
  mutating func note(_ line: @autoclosure () -> String) {
    guard isOn else { return }
    if lines.count < Self.limit {
      lines.append(line())
    } else {
      lines[next] = line()
      next = (next + 1) % Self.limit
    }
  }

  /// The last lines, oldest first.
  package var text: [String] { Array(lines[next...] + lines[..<next]) }
}

extension ReplicationWorld {
  /// What happened last.
  package var lastEvents: [String] { trace.text }

  func note(_ line: @autoclosure () -> String) {
    trace.note("\(step) \(now) ms: \(line())")
  }
}
