// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Identity

extension PairRequest {
  private static let context = "understudy pair request 1"

  /// The request with its proof.
  package func proven(by secret: [UInt8]) throws -> PairRequest {
    var request = self
    request.proof = PairingProof.make(
      secret: secret,
      context: Self.context,
      data: try provenBytes()
    )
    return request
  }

  /// Whether the request comes, unchanged, from one who was given the token.
  package func isProven(by secret: [UInt8]) -> Bool {
    guard let bytes = try? provenBytes() else { return false }
    return PairingProof.verify(proof, secret: secret, context: Self.context, data: bytes)
  }

  /// Everything but the proof, in the one order that the control protocol's JSON has.
  private func provenBytes() throws -> [UInt8] {
    var request = self
    request.proof = []
    return try ControlCoding.encode(request)
  }
}
