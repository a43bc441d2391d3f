// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import NIOCore

/// The JSON of the control protocol.
package enum ControlCoding {
  /// The largest body taken, either way, in bytes.
  package static let bodyLimit = 64 << 20

  /// The same value gives the same bytes: members are in the order of their names.
  package static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
  }

  /// Reads a value of a whole body.
  package static func decode<Value: Decodable>(
    _ type: Value.Type,
    from body: ByteBuffer
  ) throws -> Value {
    try JSONDecoder().decode(type, from: Data(body.readableBytesView))
  }

  /// Says in words what is wrong with JSON that could not be decoded.
  static func words(for error: DecodingError) -> String {
    switch error {
    case .typeMismatch(let type, let context):
      "\(place(context)) is not of type \(type)"
    case .valueNotFound(_, let context):
      "\(place(context)) is null"
    case .keyNotFound(let key, let context):
      "\(place(context)) has no member \"\(key.stringValue)\""
    case .dataCorrupted(let context):
      "\(place(context)) cannot be read: \(context.debugDescription)"
    @unknown default:
      "the body cannot be read"
    }
  }

  private static func place(_ context: DecodingError.Context) -> String {
    let path = context.codingPath.map { $0.stringValue }.joined(separator: ".")
    return path.isEmpty ? "the body" : "\"\(path)\""
  }
}
