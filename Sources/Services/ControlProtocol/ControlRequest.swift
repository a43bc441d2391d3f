// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Identity
internal import NIOCore
package import RecoveryModel

/// A request that a route has to answer.
package struct ControlRequest: Sendable {
  /// Who asks; nil without a certificate.
  package let peer: PeerIdentity?
  let parameters: [String: String]
  let queries: [String: String]
  let body: ByteBuffer

  /// The identifier in the path where the route's pattern has `:name`.
  ///
  /// - Throws: ``ControlFailure`` 400 if the text could be taken for a path of files.
  package func identifier<Value: Identifier>(
    _ name: String,
    as type: Value.Type = Value.self
  ) throws -> Value {
    guard let text = parameters[name].flatMap(PercentEncoding.decode), !text.isEmpty,
      !text.hasPrefix("."),
      text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value != 0x7F && $0 != "/" })
    else { throw ControlFailure(status: 400, message: "the path holds no valid \(name)") }
    return Value(text)
  }

  /// The value behind `name=` in the query, or nil.
  package func query(_ name: String) -> String? { queries[name] }

  /// A query value that is `true` or `false`, else `fallback`.
  ///
  /// - Throws: ``ControlFailure`` 400 if it is something else.
  package func flag(_ name: String, default fallback: Bool) throws -> Bool {
    guard let text = queries[name] else { return fallback }
    guard let value = Bool(text) else {
      throw ControlFailure(status: 400, message: "\(name) is neither true nor false")
    }
    return value
  }

  /// The body as a value.
  ///
  /// - Throws: ``ControlFailure`` 400 that says what is wrong with it.
  package func body<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
    do {
      return try ControlCoding.decode(type, from: body)
    } catch let error as DecodingError {
      throw ControlFailure(status: 400, message: ControlCoding.words(for: error))
    }
  }
}
