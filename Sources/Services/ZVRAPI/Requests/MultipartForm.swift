// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A form with files in it, as `multipart/form-data` carries it (RFC 7578).
struct MultipartForm {
  /// One field.
  struct Part: Equatable {
    var name: String
    /// The last part of the file's name as the client has it; nil if the field is no file.
    var fileName: String?
    var bytes: [UInt8]

    var text: String { String(decoding: bytes, as: UTF8.self) }
  }

  private static let partLimit = 100
  private static let lineEnd: [UInt8] = [0x0D, 0x0A]

  let parts: [Part]

  subscript(name: String) -> Part? { parts.first { $0.name.isSame(as: name) } }

  init(_ body: [UInt8], contentType: String?) throws(APIError) {
    guard let contentType, contentType.lowercased().hasPrefix("multipart/form-data"),
      let boundary = Self.parameter("boundary", of: contentType), !boundary.isEmpty
    else { throw .invalid("the body is no multipart/form-data with a boundary") }
    let delimiter = Array("--\(boundary)".utf8)
    guard body.starts(with: delimiter) else {
      throw .invalid("the form does not begin with its boundary")
    }
    var rest = body[delimiter.count...]
    var parts: [Part] = []
    while rest.starts(with: Self.lineEnd) {
      guard parts.count < Self.partLimit, let end = rest.range(of: Self.lineEnd + delimiter) else {
        throw .invalid("the form has no end, or too many fields")
      }
      parts.append(try Self.part(rest[rest.index(rest.startIndex, offsetBy: 2)..<end.lowerBound]))
      rest = rest[end.upperBound...]
    }
    guard rest.starts(with: "--".utf8) else { throw .invalid("the form is cut off") }
    self.parts = parts
  }

  private static func part(_ bytes: ArraySlice<UInt8>) throws(APIError) -> Part {
    // A field without headers begins with the empty line.
    guard let blank = bytes.range(of: lineEnd + lineEnd) else {
      throw .invalid("a field of the form has no empty line behind its headers")
    }
    let headers = String(decoding: bytes[..<blank.lowerBound], as: UTF8.self)
    let disposition = headers.split(separator: "\r\n").first {
      $0.lowercased().hasPrefix("content-disposition:")
    }
    guard let disposition, let name = parameter("name", of: String(disposition)) else {
      throw .invalid("a field of the form has no name")
    }
    let file = parameter("filename", of: String(disposition))
    return Part(
      name: name,
      fileName: file?.split(whereSeparator: { "/\\".contains($0) }).last.map(String.init),
      bytes: Array(bytes[blank.upperBound...])
    )
  }

  /// The value of a header's parameter, in quotes or bare.
  private static func parameter(_ name: String, of header: String) -> String? {
    for piece in header.split(separator: ";").dropFirst() {
      let halves = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2, String(halves[0].trimmed).isSame(as: name) else { continue }
      let value = halves[1].trimmed
      guard value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") else {
        return String(value)
      }
      return String(value.dropFirst().dropLast())
    }
    return nil
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed().reduce(into: "") {
      $0.append($1)
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate func range(of pattern: [UInt8]) -> Range<Int>? {
    guard let first = pattern.first, count >= pattern.count else { return nil }
    var start = startIndex
    while let found = self[start...].firstIndex(of: first), found + pattern.count <= endIndex {
      if self[found...].starts(with: pattern) { return found..<found + pattern.count }
      start = found + 1
    }
    return nil
  }
}
