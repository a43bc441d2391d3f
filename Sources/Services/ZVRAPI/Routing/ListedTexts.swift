// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel
internal import Synchronization

/// An item of a listing: its JSON text, and what the other formats are written from.
package struct ListedItem: Sendable, Equatable {
  let json: [UInt8]
  let value: @Sendable () -> APIValue

  package static func == (a: Self, b: Self) -> Bool { a.json == b.json }
}

/// The texts of what there may be thousands of, and what clients list most.
struct ListedTexts: Sendable {
  private let vpgs = KeptTexts<VPGIdentifier, VPGView>()
  private let alerts = KeptTexts<String, AlertView>()

  func vpgs(_ views: [VPGView], _ links: Links) -> APIResponse {
    let items = views.map {
      vpgs.item($0, $0.definition.identifier, links, make: APIValue.vpg)
    }
    return APIResponse(status: 200, content: .listing(items, of: "VpgApi"))
  }

  func alerts(_ views: [AlertView], _ links: Links) -> APIResponse {
    let items = views.map { alerts.item($0, $0.record.identifier, links, make: APIValue.alert) }
    return APIResponse(status: 200, content: .listing(items, of: "AlertApi"))
  }
}

/// The JSON texts of objects of one kind.
///
/// A text is kept with what it shows, and used only while that is the same: it cannot be old.
final class KeptTexts<Key: Hashable & Sendable, Shown: Equatable & Sendable>: Sendable {
  private struct Text {
    let shown: Shown
    let baseURL: String
    let json: [UInt8]
  }

  /// Texts kept; beyond this all are made anew.
  private static var limit: Int { 20_000 }

  private let texts = Mutex<[Key: Text]>([:])

  /// The item that `make` makes of `shown`.
  func item(
    _ shown: Shown,
    _ key: Key,
    _ links: Links,
    make: @escaping @Sendable (Shown, Links) -> APIValue
  ) -> ListedItem {
    let known = texts.withLock { $0[key] }
    let value: @Sendable () -> APIValue = { make(shown, links) }
    if let known, known.baseURL == links.baseURL, known.shown == shown {
      return ListedItem(json: known.json, value: value)
    }
    let json = JSONWriter.write(value())
    texts.withLock { texts in
      if texts.count >= Self.limit { texts.removeAll() }
      texts[key] = Text(shown: shown, baseURL: links.baseURL, json: json)
    }
    return ListedItem(json: json, value: value)
  }
}
