// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import ControlProtocol

/// The answer to a call.
package struct APIResponse: Sendable {
  package var status: Int
  package var content: Content
  /// The format a value is to be written in.
  ///
  /// nil leaves it to the request's headers.
  package var format: APIFormat?
  /// The token of a session just begun, for the session header.
  package var sessionToken: String?
  /// Whether the client is to be asked for credentials.
  package var isChallenge = false

  /// What the answer carries.
  package enum Content: Sendable, Equatable {
    case empty
    case value(APIValue)
    /// A list of which the JSON texts are at hand.
    case listing(Listing)
    case html(String)
    /// Something that has one form only.
    case document([UInt8], mediaType: String)
    /// Bytes passed on as they come, for a file of that name.
    case stream(APIStream)
  }

  /// The content's media type and text; nil if there is none.
  package var rendered: (mediaType: String, bytes: [UInt8])? {
    pieces.map { ($0.mediaType, Array($0.bytes.joined())) }
  }

  /// The same in pieces, for whoever copies the text anyway: a listing may have megabytes.
  package var pieces: (mediaType: String, bytes: [[UInt8]])? {
    switch content {
    case .empty, .stream: nil
    case .document(let bytes, let mediaType): (mediaType, [bytes])
    case .html(let page): ("text/html; charset=utf-8", [Array(page.utf8)])
    case .value(let value): rendered(value)
    case .listing(let listing) where format != .xml && format != .html:
      (Self.json, listing.texts.pieces)
    case .listing(let listing): rendered(listing.value())
    }
  }

  /// A listing that is answered as JSON; nil if this is none.
  package var listed: ItemTexts? {
    guard case .listing(let listing) = content, format != .xml, format != .html else { return nil }
    return listing.texts
  }

  /// The media type of JSON.
  package static let json = "application/json; charset=utf-8"

  private func rendered(_ value: APIValue) -> (mediaType: String, bytes: [[UInt8]]) {
    switch format {
    case .xml: ("application/xml; charset=utf-8", [XMLWriter.write(value)])
    case .html: ("text/html; charset=utf-8", [Array(HTMLWriter.page(of: value).utf8)])
    case .json, nil: (Self.json, [JSONWriter.write(value)])
    }
  }

  /// The value that the answer carries, in whatever form; nil if it carries something else.
  package var value: APIValue? {
    switch content {
    case .value(let value): value
    case .listing(let listing): listing.value()
    case .empty, .html, .document, .stream: nil
    }
  }

  /// An answer without content.
  static var empty: APIResponse { APIResponse(status: 200, content: .empty) }

  static func value(_ value: APIValue) -> APIResponse {
    APIResponse(status: 200, content: .value(value))
  }

  static func listing(
    _ texts: ItemTexts,
    value: @escaping @Sendable () -> APIValue
  ) -> APIResponse {
    APIResponse(status: 200, content: .listing(Listing(texts: texts, value: value)))
  }

  static func html(_ page: String) -> APIResponse {
    APIResponse(status: 200, content: .html(page))
  }

  static func document(_ bytes: [UInt8], mediaType: String) -> APIResponse {
    APIResponse(status: 200, content: .document(bytes, mediaType: mediaType))
  }

  /// A bare text, as task and settings identifiers are answered.
  static func text(_ text: String) -> APIResponse { .value(.string(text)) }

  static func list(_ items: [APIValue], of element: String) -> APIResponse {
    .value(.list(items, element: element))
  }
}

/// Bytes that are passed on as they come.
package struct APIStream: Sendable, Equatable {
  /// What a client may call the file.
  package var fileName: String
  package var content: ControlContent

  /// Two are the same if they are called the same: the bytes can be had only once.
  package static func == (a: Self, b: Self) -> Bool {
    a.fileName == b.fileName && a.content.byteCount == b.content.byteCount
  }
}
