// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// An object of the API: its type, which is its XML element, and its members in order.
package struct APIObject: Sendable, Equatable {
  package var type: String
  package var members: [APIMember]

  package init(type: String = "", members: [APIMember] = []) {
    self.type = type
    self.members = members
  }

  /// The member of that name, whatever its case: clients do not agree on it.
  ///
  /// Nil is a member that is not there; setting it removes the member.
  package subscript(_ name: String) -> APIValue? {
    get { members.first { $0.name.isSame(as: name) }?.value }
    set {
      let index = members.firstIndex { $0.name.isSame(as: name) }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(APIMember(name: name, value: value))
      case (nil, nil): break
      }
    }
  }
}

/// A member of an object.
///
/// `name` is the name in JSON.
package struct APIMember: Sendable, Equatable {
  package var name: String
  package var value: APIValue

  package init(name: String, value: APIValue) {
    self.name = name
    self.value = value
  }

  /// The name in XML, which differs where XML could not carry the JSON name.
  package var xmlName: String {
    switch name {
    case "IOPs": "IOPS"
    case "Link_{0}": "Link__x007B_0_x007D_"
    case "OwningDatastoreCluster": "OwningCluster"
    default: name
    }
  }
}

extension String {
  /// Compares without regard to case, as the API does with every name.
  func isSame(as other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return self == other }
    for (one, two) in zip(utf8, other.utf8) where one != two {
      // Letters of other alphabets are left to those who know them.
      if one | two >= 0x80 { return lowercased() == other.lowercased() }
      guard one | 0x20 == two | 0x20, (0x61...0x7A).contains(one | 0x20) else { return false }
    }
    return true
  }
}
