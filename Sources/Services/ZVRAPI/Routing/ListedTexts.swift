// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel
internal import Synchronization

/// A listing: the JSON texts of its items, and what the other formats are written from.
package struct Listing: Sendable, Equatable {
  let texts: [[UInt8]]
  let value: @Sendable () -> APIValue

  package static func == (a: Self, b: Self) -> Bool { a.texts == b.texts }
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
    let baseURL: String
    let json: [UInt8]

    init(shown: Shown, baseURL: String, json: [UInt8]) {
      self.shown = shown
      self.baseURL = baseURL
      self.json = json
    }
  }

  /// Texts kept; beyond this all are made anew.
  private static var limit: Int { 20_000 }

  private let kept = Mutex<[Key: Text]>([:])

  /// The texts of what `make` makes of each of `all`.
  func texts(
    of all: [Shown],
    by key: (Shown) -> Key,
    _ links: Links,
    make: (Shown, Links) -> APIValue
  ) -> [[UInt8]] {
    var made: [Key: Text] = [:]
    let texts = texts(of: all, by: key, links, kept.withLock { $0 }, made: &made, make: make)
    if !made.isEmpty {
      kept.withLock { kept in
        if kept.count + made.count > Self.limit { kept.removeAll() }
        kept.merge(made) { $1 }
      }
    }
    return texts
  }

  /// Compares without the lock, and so does not hold up others.
  private func texts(
    of all: [Shown],
    by key: (Shown) -> Key,
    _ links: Links,
    _ known: [Key: Text],
    made: inout [Key: Text],
    make: (Shown, Links) -> APIValue
  ) -> [[UInt8]] {
    all.map { shown in
      let key = key(shown)
      if let text = known[key], text.baseURL == links.baseURL, text.shown == shown {
        return text.json
      }
      let json = JSONWriter.write(make(shown, links))
      made[key] = Text(shown: shown, baseURL: links.baseURL, json: json)
      return json
    }
  }
}
