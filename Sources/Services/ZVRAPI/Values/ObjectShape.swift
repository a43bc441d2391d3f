// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The description of an object that clients read and write: its members, what each may hold and
/// what it holds at first.
///
/// From it come the blank object and the reading of a change.
struct ObjectShape: Sendable {
  /// The XML element.
  let type: String
  let members: [Member]

  init(_ type: String, _ members: [Member]) {
    self.type = type
    self.members = members
  }

  /// A member and its value in a blank object.
  struct Member: Sendable {
    let name: String
    let kind: Kind
    let initial: APIValue
  }

  /// What a member may hold.
  ///
  /// Everything but objects and lists may be null.
  indirect enum Kind: Sendable {
    case text
    case integer
    case flag
    case enumerated(APIEnumeration)
    /// Never null: clients assign to its members without looking.
    case object(ObjectShape)
    case optionalObject(ObjectShape)
    /// A list of texts, replaced as a whole.
    case texts
    /// A list that is replaced as a whole.
    case list(ObjectShape)
    /// A list whose entries are changed one by one, found by this member.
    case keyedList(ObjectShape, key: String)
    /// Given by the server; what clients send is ignored.
    case fixed
    /// Always null: values, named here, that have no meaning on this kind of site.
    case foreign(String)
  }

  /// What a null in a change means.
  enum NullMeaning {
    /// The value is left as it was.
    case leave
    /// The value is cleared.
    case clear
  }

  var blank: APIObject {
    APIObject(type: type, members: members.map { APIMember(name: $0.name, value: $0.initial) })
  }

  /// Carries out a change of `object`: members that are not in `change` stay as they are.
  ///
  /// `path`: Where the object is, for messages.
  func apply(
    _ change: APIObject,
    to object: inout APIObject,
    at path: String,
    nulls: NullMeaning
  ) throws(APIError) {
    for member in members {
      guard let new = change[member.name] else { continue }
      if new == .null, nulls == .leave { continue }
      let place = path.isEmpty ? member.name : "\(path).\(member.name)"
      object[member.name] = try member.changed(
        from: object[member.name] ?? member.initial,
        to: new,
        at: place,
        nulls: nulls
      )
    }
  }
}

extension ObjectShape.Member {
  static func text(_ name: String, _ initial: String? = nil) -> Self {
    Self(name: name, kind: .text, initial: .text(initial))
  }

  static func integer(_ name: String, _ initial: Int? = nil) -> Self {
    Self(name: name, kind: .integer, initial: .integer(initial))
  }

  static func flag(_ name: String, _ initial: Bool? = nil) -> Self {
    Self(name: name, kind: .flag, initial: initial.map(APIValue.bool) ?? .null)
  }

  static func enumerated(_ name: String, _ enumeration: APIEnumeration, _ initial: Int) -> Self {
    Self(
      name: name,
      kind: .enumerated(enumeration),
      initial: .enumerated(
        number: initial,
        name: enumeration.name(of: initial),
        isNumberInJSON: false
      )
    )
  }

  /// One that is null until it is set.
  static func enumerated(_ name: String, _ enumeration: APIEnumeration) -> Self {
    Self(name: name, kind: .enumerated(enumeration), initial: .null)
  }

  static func texts(_ name: String) -> Self {
    Self(name: name, kind: .texts, initial: .texts([]))
  }

  static func object(_ name: String, _ shape: ObjectShape) -> Self {
    Self(name: name, kind: .object(shape), initial: .object(shape.blank))
  }

  static func optionalObject(_ name: String, _ shape: ObjectShape) -> Self {
    Self(name: name, kind: .optionalObject(shape), initial: .null)
  }

  static func list(_ name: String, _ shape: ObjectShape, _ initial: [APIObject] = []) -> Self {
    Self(
      name: name,
      kind: .list(shape),
      initial: .list(initial.map(APIValue.object), element: shape.type)
    )
  }

  static func keyedList(_ name: String, _ shape: ObjectShape, key: String) -> Self {
    Self(
      name: name,
      kind: .keyedList(shape, key: key),
      initial: .list([], element: shape.type)
    )
  }

  static func fixed(_ name: String) -> Self { Self(name: name, kind: .fixed, initial: .null) }

  static func foreign(_ name: String, _ what: String) -> Self {
    Self(name: name, kind: .foreign(what), initial: .null)
  }

  /// The member's value after a change to `new`.
  fileprivate func changed(
    from old: APIValue,
    to new: APIValue,
    at place: String,
    nulls: ObjectShape.NullMeaning
  ) throws(APIError) -> APIValue {
    switch kind {
    case .fixed:
      return old
    case .foreign(let what):
      guard new.isUnset else { throw .invalid("\(place): a site of this kind has no \(what)") }
      return .null
    case .text:
      guard new != .null else { return .null }
      guard let text = new.readText else { throw .invalid("\(place) is not a text") }
      return .string(text)
    case .integer:
      guard new != .null, new != .string("") else { return .null }
      guard let number = new.readInteger else {
        throw .invalid("\(place) is not a whole number")
      }
      return .integer(number)
    case .flag:
      guard new != .null, new != .string("") else { return .null }
      guard let flag = new.readFlag else {
        throw .invalid("\(place) is neither true nor false")
      }
      return .bool(flag)
    case .enumerated(let enumeration):
      guard new != .null else { return .null }
      guard let number = new.readText.flatMap(enumeration.number(of:)) else {
        throw .invalid("\(place) is none of \(enumeration.names.joined(separator: ", "))")
      }
      return .enumerated(
        number: number,
        name: enumeration.name(of: number),
        isNumberInJSON: false
      )
    case .object(let shape):
      return try changedObject(shape, from: old, to: new, at: place, nulls: nulls)
    case .optionalObject(let shape):
      guard new != .null else { return .null }
      return try changedObject(shape, from: old, to: new, at: place, nulls: nulls)
    case .texts:
      guard new != .null else { return .texts([]) }
      let texts = new.items?.compactMap(\.readText)
      guard let texts, texts.count == new.items?.count else {
        throw .invalid("\(place) is not a list of texts")
      }
      return .texts(texts)
    case .list(let shape):
      return try newList(shape, new, at: place)
    case .keyedList(let shape, let key):
      return try changedList(shape, key: key, from: old, to: new, at: place, nulls: nulls)
    }
  }

  private func changedObject(
    _ shape: ObjectShape,
    from old: APIValue,
    to new: APIValue,
    at place: String,
    nulls: ObjectShape.NullMeaning
  ) throws(APIError) -> APIValue {
    guard new != .null else { return .object(shape.blank) }
    guard let change = new.object else { throw .invalid("\(place) is not an object") }
    var object = old.object ?? shape.blank
    try shape.apply(change, to: &object, at: place, nulls: nulls)
    return .object(object)
  }

  private func newList(
    _ shape: ObjectShape,
    _ new: APIValue,
    at place: String
  ) throws(APIError) -> APIValue {
    guard new != .null else { return .list([], element: shape.type) }
    guard let items = new.items else { throw .invalid("\(place) is not a list") }
    var objects: [APIValue] = []
    for item in items {
      guard let change = item.object else { throw .invalid("\(place) is not a list of objects") }
      var object = shape.blank
      try shape.apply(change, to: &object, at: place, nulls: .clear)
      objects.append(.object(object))
    }
    return .list(objects, element: shape.type)
  }

  /// Changes the entries that `new` names; an entry that is not there yet is refused.
  private func changedList(
    _ shape: ObjectShape,
    key: String,
    from old: APIValue,
    to new: APIValue,
    at place: String,
    nulls: ObjectShape.NullMeaning
  ) throws(APIError) -> APIValue {
    guard new != .null else { return old }
    guard let changes = new.items else { throw .invalid("\(place) is not a list") }
    var entries = old.items ?? []
    for item in changes {
      guard let change = item.object, let name = try change.text(key) else {
        throw .invalid("\(place) has an entry without \(key)")
      }
      guard let index = entries.firstIndex(where: { $0.object?[key] == .string(name) }),
        var object = entries[index].object
      else { throw .invalid("\(place) has no entry \(name)") }
      try shape.apply(change, to: &object, at: place, nulls: nulls)
      entries[index] = .object(object)
    }
    return .list(entries, element: shape.type)
  }
}
