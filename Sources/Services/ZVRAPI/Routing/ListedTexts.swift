// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel
internal import Synchronization

/// A listing: the JSON texts of its items, and what the other formats are written from.
package struct Listing: Sendable, Equatable {
  let texts: ItemTexts
  let value: @Sendable () -> APIValue

  package static func == (a: Self, b: Self) -> Bool {
    a.texts === b.texts || a.texts.json == b.texts.json
  }
}

/// The JSON texts of a listing's items, in their order.
///
/// A listing of which every item is as it was has the very texts of the one before: whoever has put
/// these together need not do so again.
package final class ItemTexts: Sendable {
  let json: [[UInt8]]

  init(_ json: [[UInt8]]) { self.json = json }

  /// The listing in pieces.
  package var pieces: [[UInt8]] { JSONWriter.list(of: json) }
}

/// The texts of what there may be thousands of, and what clients list most.
struct ListedTexts: Sendable {
  private let vpgs = KeptTexts<VPGIdentifier, VPGView>()
  private let alerts = KeptTexts<String, AlertView>()

  func vpgs(_ views: [VPGView], _ links: Links) -> APIResponse {
    let texts = vpgs.texts(of: views, by: { $0.definition.identifier }, links, make: APIValue.vpg)
    return APIResponse.listing(texts) { .list(views.map { .vpg($0, links) }, element: "VpgApi") }
  }

  func alerts(_ views: [AlertView], _ links: Links) -> APIResponse {
    let texts = alerts.texts(of: views, by: { $0.record.identifier }, links, make: APIValue.alert)
    return APIResponse.listing(texts) {
      .list(views.map { .alert($0, links) }, element: "AlertApi")
    }
  }
}

/// The JSON texts of objects of one kind.
///
/// A text is kept with what it shows, and used only while that is the same: it cannot be old.
final class KeptTexts<Key: Hashable & Sendable, Shown: Equatable & Sendable>: Sendable {
  private final class Text: Sendable {
    let shown: Shown
    let json: [UInt8]

    init(shown: Shown, json: [UInt8]) {
      self.shown = shown
      self.json = json
    }
  }

  /// What is kept for clients that use one address for the manager: links have it.
  private struct Shelf {
    var texts: [Key: Text] = [:]
    /// The latest listing.
    ///
    /// Most have the same items in the same order, which are found here by their place alone.
    var latest: [Text] = []
    var listed = ItemTexts([])
  }

  /// Texts kept; beyond this all are made anew.
  private static var limit: Int { 20_000 }

  private let shelves = Mutex<[String: Shelf]>([:])

  /// The texts of what `make` makes of each of `all`.
  func texts(
    of all: [Shown],
    by key: (Shown) -> Key,
    _ links: Links,
    make: (Shown, Links) -> APIValue
  ) -> ItemTexts {
    let shelf = shelves.withLock { $0[links.baseURL] } ?? Shelf()
    // Without the lock, which would hold up others.
    let found = texts(of: all, by: key, shelf) { JSONWriter.write(make($0, links)) }
    guard let found else { return shelf.listed }
    let listed = ItemTexts(found.all.map(\.json))
    shelves.withLock { shelves in
      if shelves.values.reduce(found.new.count, { $0 + $1.texts.count }) > Self.limit {
        shelves.removeAll()
      }
      for text in found.new {
        shelves[links.baseURL, default: Shelf()].texts[key(text.shown)] = text
      }
      shelves[links.baseURL, default: Shelf()].latest = found.all
      shelves[links.baseURL, default: Shelf()].listed = listed
    }
    return listed
  }

  /// The text of each, and those that were made now; nil if they are those of the latest listing.
  private func texts(
    of all: [Shown],
    by key: (Shown) -> Key,
    _ shelf: Shelf,
    make: (Shown) -> [UInt8]
  ) -> (all: [Text], new: [Text])? {
    let same = all.indices.prefix { index in
      index < shelf.latest.count && shelf.latest[index].shown == all[index]
    }.count
    if same == all.count, same == shelf.latest.count { return nil }
    var new: [Text] = []
    var found = Array(shelf.latest[..<same])
    found.reserveCapacity(all.count)
    for index in same..<all.count {
      let shown = all[index]
      if index < shelf.latest.count, shelf.latest[index].shown == shown {
        found.append(shelf.latest[index])
      } else if let text = shelf.texts[key(shown)], text.shown == shown {
        found.append(text)
      } else {
        new.append(Text(shown: shown, json: make(shown)))
        found.append(new[new.endIndex - 1])
      }
    }
    return (found, new)
  }
}
