// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

// Schedules as an operator writes and reads them, such as `mon-fri 08:00-18:00 12.5`.

private let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

extension BandwidthSchedule.Period {
  /// Reads days, hours and MiB per second or `unlimited`, such as `mon-fri,sun 22:00-06:00 2.5`;
  /// nil if the text says nothing of the kind.
  package init?(text: String) {
    let words = text.lowercased().split(separator: " ").map(String.init)
    guard words.count == 3 else { return nil }
    let hours = words[1].split(separator: "-").map(String.init)
    guard let days = Self.days(words[0]), hours.count == 2, let from = Self.minute(hours[0]),
      let to = Self.minute(hours[1]), let limit = BandwidthSchedule.limit(text: words[2])
    else { return nil }
    self.init(days: days, from: from, to: to == 0 ? 1440 : to, limit: limit)
    guard isValid else { return nil }
  }

  private static func days(_ text: String) -> Set<Int>? {
    var days: Set<Int> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
        dayNames.firstIndex(of: String($0))
      }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1]
      else { return nil }
      for step in 0...((last - first + 7) % 7) { days.insert((first + step) % 7 + 1) }
    }
    return days
  }

  private static func minute(_ text: String) -> Int? {
    let parts = text.split(separator: ":").map { Int($0) }
    guard parts.count == 2, let hour = parts[0], let minute = parts[1],
      (0...24).contains(hour), (0..<60).contains(minute), hour * 60 + minute <= 1440
    else { return nil }
    return hour * 60 + minute
  }
}

extension BandwidthSchedule.Period: CustomStringConvertible {
  /// The period as ``init(text:)`` reads it.
  package var description: String {
    func time(_ minute: Int) -> String {
      let (hour, rest) = minute.quotientAndRemainder(dividingBy: 60)
      return "\(hour < 10 ? "0" : "")\(hour):\(rest < 10 ? "0" : "")\(rest)"
    }
    let names = days.sorted().map { dayNames[$0 - 1] }.joined(separator: ",")
    return "\(names) \(time(from))-\(time(to)) \(BandwidthSchedule.text(of: limit))"
  }
}

extension BandwidthSchedule {
  private static let mebibyte = 1_048_576.0

  /// Reads MiB per second, or `unlimited`; nil if the text is neither, `.some(nil)` for no limit.
  package static func limit(text: String) -> UInt64?? {
    if text == "unlimited" { return .some(nil) }
    guard let number = Double(text), number > 0, number < 1e9 else { return nil }
    return .some(max(1, UInt64(number * mebibyte)))
  }

  /// A limit as ``limit(text:)`` reads it.
  package static func text(of limit: UInt64?) -> String {
    limit.map { "\(Double($0) / mebibyte)" } ?? "unlimited"
  }
}
