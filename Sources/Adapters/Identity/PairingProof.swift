// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import Foundation

/// Proof that a message comes from one who knows a pairing token's secret: HMAC-SHA256.
package enum PairingProof {
  /// Proves `data`, 32 bytes.
  ///
  /// `context` says what kind of message it is, so that a proof of one kind cannot be passed off
  /// as one of another.
  package static func make(secret: [UInt8], context: String, data: [UInt8]) -> [UInt8] {
    Array(
      HMAC<SHA256>.authenticationCode(
        for: message(context, data),
        using: SymmetricKey(data: secret)
      )
    )
  }

  /// Checks a proof in constant time.
  package static func verify(
    _ proof: [UInt8],
    secret: [UInt8],
    context: String,
    data: [UInt8]
  ) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(
      proof,
      authenticating: message(context, data),
      using: SymmetricKey(data: secret)
    )
  }

  /// The context's length comes first, so that no two pairs give the same bytes.
  private static func message(_ context: String, _ data: [UInt8]) -> Data {
    var message = Data()
    withUnsafeBytes(of: UInt32(context.utf8.count).littleEndian) { message.append(contentsOf: $0) }
    message.append(contentsOf: context.utf8)
    message.append(contentsOf: data)
    return message
  }
}
