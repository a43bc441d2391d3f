// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A large value in a place of its own: copies of what holds it copy a reference.
///
/// Whoever changes it gets a new place, so that it is a value like any other. It is read where it
/// is, without a copy; a definition of a VPG has some sixty references to count.
struct Shared<Value: Sendable>: Sendable {
  private final class Place: Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
  }

  private var place: Place

  init(_ value: Value) { place = Place(value) }

  var value: Value {
    _read { yield place.value }
    _modify {
      var value = place.value
      defer { place = Place(value) }
      yield &value
    }
  }
}

extension Shared: Equatable where Value: Equatable {
  static func == (a: Self, b: Self) -> Bool {
    a.place === b.place || a.place.value == b.place.value
  }
}

extension Shared: Hashable where Value: Hashable {
  func hash(into hasher: inout Hasher) { hasher.combine(place.value) }
}
