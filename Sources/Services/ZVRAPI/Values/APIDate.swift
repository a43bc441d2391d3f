// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import RecoveryModel

/// The forms of date and time on the wire.
enum APIDate {
  /// ISO 8601 in UTC with milliseconds: `2024-05-06T07:08:09.123Z`.
  ///
  /// One client parses with a pattern that needs both the fraction and the `Z`.
  static func text(of time: WallTime) -> String {
    let parts = Parts(time)
    return "\(padded(parts.year, 4))-\(padded(parts.month, 2))-\(padded(parts.day, 2))T"
      + "\(padded(parts.hour, 2)):\(padded(parts.minute, 2)):\(padded(parts.second, 2))"
      + ".\(padded(parts.millisecond, 3))Z"
  }

  /// Reads a date as ``read(_:zone:)`` does, or as milliseconds since 1970.
  static func readArgument(_ text: String) -> WallTime? {
    // Years have four digits: longer numbers are milliseconds.
    if text.count > 4, let number = Int64(text), abs(number) < 1 << 52 {
      return WallTime(milliseconds: number)
    }
    return read(text)
  }

  /// The form of a pairing token's expiry: `10/09/2019 12:55 PM`, in UTC.
  static func americanText(of time: WallTime) -> String {
    let parts = Parts(time)
    let hour = parts.hour % 12 == 0 ? 12 : parts.hour % 12
    return "\(padded(parts.month, 2))/\(padded(parts.day, 2))/\(padded(parts.year, 4)) "
      + "\(padded(hour, 2)):\(padded(parts.minute, 2)) \(parts.hour < 12 ? "AM" : "PM")"
  }

  /// Reads what clients put into filters; nil if it is no date.
  ///
  /// Text with a trailing `Z` or an offset means that; without one it is the server's local time.
  /// `10/14/2015 12:00:00`, month first, and `/Date(ms)/` are read as well.
  static func read(_ text: String, zone: TimeZone = .current) -> WallTime? {
    let text = text.trimmingCharacters(in: .whitespaces)
    if text.hasPrefix("/Date("), let end = text.firstIndex(of: ")") {
      let digits = text[text.index(text.startIndex, offsetBy: 6)..<end]
        .prefix { $0.isNumber || $0 == "-" }
      return Int64(digits).map(WallTime.init(milliseconds:))
    }
    let halves = text.split(maxSplits: 1) { $0 == "T" || $0 == "t" || $0 == " " }
    if halves.count == 1, let last = text.last, "Zz".contains(last) {
      return readDay(String(text.dropLast())).flatMap { instant($0, 0, 0, zone) }
    }
    guard let day = halves.first.flatMap({ readDay(String($0)) }) else { return nil }
    guard halves.count == 2 else { return instant(day, 0, nil, zone) }
    var (clock, offset) = splitOffset(String(halves[1]))
    var afternoon: Bool?
    for suffix in ["AM", "PM"] where clock.uppercased().hasSuffix(suffix) {
      afternoon = suffix == "PM"
      clock = String(clock.dropLast(2)).trimmingCharacters(in: .whitespaces)
    }
    guard let milliseconds = readClock(clock, afternoon: afternoon) else { return nil }
    return instant(day, milliseconds, offset, zone)
  }

  private static func padded(_ number: Int, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func readDay(_ text: String) -> DateComponents? {
    let fields = text.split { $0 == "-" || $0 == "/" }.map { Int($0) }
    guard fields.count == 3, let a = fields[0], let b = fields[1], let c = fields[2] else {
      return nil
    }
    let (year, month, day) = text.contains("/") ? (c, a, b) : (a, b, c)
    guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else {
      return nil
    }
    return DateComponents(year: year, month: month, day: day)
  }

  /// Milliseconds since midnight.
  private static func readClock(_ text: String, afternoon: Bool?) -> Int64? {
    let fields = text.split(separator: ":").map(String.init)
    guard (2...3).contains(fields.count), var hour = Int(fields[0]), let minute = Int(fields[1]),
      let seconds = fields.count == 3 ? Double(fields[2]) : 0,
      (0..<24).contains(hour), (0..<60).contains(minute), (0..<60).contains(seconds)
    else { return nil }
    if let afternoon { hour = hour % 12 + (afternoon ? 12 : 0) }
    return Int64(hour * 3600 + minute * 60) * 1000 + Int64((seconds * 1000).rounded())
  }

  /// The clock and the offset from UTC in seconds, if the text says one.
  private static func splitOffset(_ text: String) -> (String, Int?) {
    if text.uppercased().hasSuffix("Z") { return (String(text.dropLast()), 0) }
    guard let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }) else { return (text, nil) }
    let digits = text[text.index(after: sign)...].filter { $0 != ":" }
    guard digits.count == 4, let number = Int(digits) else { return (text, nil) }
    let seconds = (number / 100 * 60 + number % 100) * 60
    return (String(text[..<sign]), text[sign] == "-" ? -seconds : seconds)
  }

  private static func instant(
    _ day: DateComponents,
    _ milliseconds: Int64,
    _ offset: Int?,
    _ zone: TimeZone
  ) -> WallTime? {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = offset.flatMap(TimeZone.init(secondsFromGMT:)) ?? zone
    guard let date = calendar.date(from: day) else { return nil }
    let midnight = Int64(date.timeIntervalSince1970.rounded()) * 1000
    return WallTime(milliseconds: midnight + milliseconds)
  }

  /// An instant taken apart, in UTC.
  private struct Parts {
    let year, month, day, hour, minute, second, millisecond: Int

    /// The date is that of the Gregorian calendar, also before it was invented (ISO 8601).
    init(_ time: WallTime) {
      let (days, rest) = Self.divided(time.milliseconds, by: 86_400_000)
      // Eras of 400 years have equally many days; years begin in March, so that a leap day is last.
      let (era, dayOfEra) = Self.divided(days + 719_468, by: 146_097)
      let yearOfEra =
        (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
      let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
      let monthFromMarch = (5 * dayOfYear + 2) / 153
      month = Int(monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9)
      day = Int(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
      year = Int(era * 400 + yearOfEra) + (month <= 2 ? 1 : 0)
      hour = Int(rest / 3_600_000)
      minute = Int(rest / 60_000 % 60)
      second = Int(rest / 1000 % 60)
      millisecond = Int(rest % 1000)
    }

    /// Divides so that the remainder is never negative.
    private static func divided(_ number: Int64, by divisor: Int64) -> (Int64, Int64) {
      let rest = number % divisor
      return rest < 0 ? (number / divisor - 1, rest + divisor) : (number / divisor, rest)
    }
  }
}
