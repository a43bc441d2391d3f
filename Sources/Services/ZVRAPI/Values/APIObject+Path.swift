// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APIObject {
  /// The value at a path of member names through objects; null if the path ends early.
  func value(_ path: String...) -> APIValue { value(at: path[...]) }

  private func value(at path: ArraySlice<String>) -> APIValue {
    guard let name = path.first, let value = self[name] else { return .null }
    return path.count == 1 ? value : value.object?.value(at: path.dropFirst()) ?? .null
  }

  /// The object at a path; an empty one if there is none.
  func object(_ path: String...) -> APIObject {
    value(at: path[...]).object ?? APIObject()
  }

  /// Sets the value at a path through objects that are there.
  mutating func set(_ value: APIValue, at path: String...) { set(value, at: path[...]) }

  private mutating func set(_ value: APIValue, at path: ArraySlice<String>) {
    guard let name = path.first else { return }
    guard path.count > 1 else {
      self[name] = value
      return
    }
    guard var inner = self[name]?.object else { return }
    inner.set(value, at: path.dropFirst())
    self[name] = .object(inner)
  }
}
