// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// When copies of a VPG's checkpoints are made by themselves, and for how long they are kept.
///
/// At its time of day a copy is made on every day that one of the rules names. It is kept for the
/// longest time that a rule of that day wants.
package struct RetentionPolicy: Codable, Hashable, Sendable {
  package var isEnabled: Bool
  /// A repository of the recovery site.
  package var repository: RepositoryIdentifier?
  /// Minutes after midnight, 0..<1440, by the recovery site's clock.
  package var minuteOfDay: Int?
  package var daily = Rule()
  /// On its ``Rule/weekday``.
  package var weekly = Rule()
  /// On its ``Rule/day``, or on the ``Rule/weekday`` of its ``Rule/week``.
  package var monthly = Rule()
  /// On the ``Rule/day`` of its ``Rule/month``, or on the first or last ``Rule/weekday`` of the
  /// year.
  package var yearly = Rule()
  package var retry: Retry?
  /// Whether it was written as clients of old releases write it, and is to be read so.
  package var isLegacy: Bool

  package init(isEnabled: Bool, repository: RepositoryIdentifier?, isLegacy: Bool = false) {
    self.isEnabled = isEnabled
    self.repository = repository
    self.isLegacy = isLegacy
  }

  /// Which days a copy is due, and how long it is kept.
  package struct Rule: Codable, Hashable, Sendable {
    package var isEnabled = false
    /// 0 Sunday … 6 Saturday.
    package var weekday: Int?
    /// Which of these weekdays: 1 the first … 4 the fourth, 5 the last.
    package var week: Int?
    /// 1...31, or ``lastDay``; a month that is shorter has it on its last day.
    package var day: Int?
    /// 1 January … 12 December.
    package var month: Int?
    /// The name a client gave the kind of copy, which changes nothing: every set is whole.
    package var kind: String?
    package var span: Span?

    package static let lastDay = 32
    package static let lastWeek = 5

    package init(isEnabled: Bool = false, span: Span? = nil) {
      self.isEnabled = isEnabled
      self.span = span
    }
  }

  /// How long a set is kept.
  package struct Span: Codable, Hashable, Sendable {
    package var count: Int
    package var unit: Unit

    package init(_ count: Int, _ unit: Unit) {
      self.count = count
      self.unit = unit
    }

    package enum Unit: Int, Codable, Sendable, CaseIterable {
      case days
      case weeks
      case months
      case years

      /// A hundred years.
      package var most: Int {
        switch self {
        case .days: 36_500
        case .weeks: 5_200
        case .months: 1_200
        case .years: 100
        }
      }
    }
  }

  /// What becomes of a copy that fails.
  package struct Retry: Codable, Hashable, Sendable {
    package var isEnabled: Bool
    /// Tries after the first.
    package var count: Int?
    package var intervalInMinutes: Int?

    package init(isEnabled: Bool, count: Int?, intervalInMinutes: Int?) {
      self.isEnabled = isEnabled
      self.count = count
      self.intervalInMinutes = intervalInMinutes
    }

    /// How often and after how many minutes a copy is tried again, where nothing else is said.
    package static let usual = (count: 3, minutes: 10)
  }
}
