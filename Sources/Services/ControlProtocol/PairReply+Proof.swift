// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Identity

extension PairReply {
  private static let context = "understudy pair reply 1"

  /// The reply with its proof, which holds for this request alone.
  package func proven(by secret: [UInt8], for request: PairRequest) throws -> PairReply {
    var reply = self
    reply.proof = PairingProof.make(
      secret: secret,
      context: Self.context,
      data: try provenBytes(for: request)
    )
    return reply
  }

  /// Whether the reply comes, unchanged, from the token's issuer and answers this request.
  package func isProven(by secret: [UInt8], for request: PairRequest) -> Bool {
    guard let bytes = try? provenBytes(for: request) else { return false }
    return PairingProof.verify(proof, secret: secret, context: Self.context, data: bytes)
  }

  /// The request's proof, whose length is fixed, then everything of the reply but its proof.
  private func provenBytes(for request: PairRequest) throws -> [UInt8] {
    var reply = self
    reply.proof = []
    return request.proof + (try ControlCoding.encode(reply))
  }
}
