// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The format of a body.
package enum APIFormat: Sendable, Equatable {
  case json
  case xml
  /// A page for a person with a browser.
  case html

  /// The format of an answer: what `Accept` names, else what `Content-Type` names, else `usual`.
  ///
  /// That is the order of WCF, which clients that send only a `Content-Type` rely on. A wildcard
  /// names nothing. Browsers name HTML and never JSON.
  package static func ofAnswer(
    accept: String?,
    contentType: String?,
    usual: APIFormat = .json
  ) -> APIFormat {
    let ranges = (accept ?? "").split(separator: ",").enumerated().compactMap(AcceptedRange.init)
      .filter { $0.quality > 0 }
    let namesJSON = ranges.contains { $0.format == .json }
    let best = ranges.filter { !namesJSON || $0.format != .html }.max {
      ($0.quality, -$0.position) < ($1.quality, -$1.position)
    }
    return best?.format ?? contentType.flatMap(named(byContentType:)) ?? usual
  }

  /// The format of a request's body: XML where the content type says so, else JSON.
  package static func ofBody(contentType: String?) -> APIFormat {
    contentType.flatMap(named(byContentType:)) == .xml ? .xml : .json
  }

  private static func named(byContentType type: String) -> APIFormat? {
    let format = named(type[...])
    return format == .html ? nil : format
  }

  /// The format a media type names, whatever its parameters.
  fileprivate static func named(_ mediaType: Substring) -> APIFormat? {
    let name = mediaType.prefix { $0 != ";" }.lowercased().filter { !$0.isWhitespace }
    return switch name {
    case "application/json", "text/json": .json
    case "application/xml", "text/xml": .xml
    case "text/html": .html
    default: nil
    }
  }
}

/// One range of an `Accept` header that names a format (RFC 9110, section 12.5.1).
private struct AcceptedRange {
  let format: APIFormat
  let quality: Double
  let position: Int

  init?(_ range: (offset: Int, element: Substring)) {
    guard let format = APIFormat.named(range.element) else { return nil }
    self.format = format
    let weight = range.element.split(separator: ";").dropFirst()
      .map { $0.filter { !$0.isWhitespace }.lowercased() }
      .first { $0.hasPrefix("q=") }
    quality = weight.flatMap { Double($0.dropFirst(2)) } ?? 1
    position = range.offset
  }
}
