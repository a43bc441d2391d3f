// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Identity
import Testing

@Suite struct PairingTests {
  @Test func `a token is carried as 64 plain characters`() throws {
    for _ in 0..<50 {
      let token = PairingToken()
      #expect(token.text.utf8.count == 64)
      #expect(
        token.text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
      )
      #expect(PairingToken(text: " \(token.text)\n") == token)
      #expect(!token.text.contains("="))
    }
    #expect(PairingToken() != PairingToken())
  }

  @Test(arguments: [
    "", "abc", String(repeating: "A", count: 63), String(repeating: "!", count: 64),
  ])
  func `other texts are no tokens`(text: String) {
    #expect(PairingToken(text: text) == nil)
  }

  @Test func `a proof holds for its secret, context and data alone`() {
    let secret = PairingToken().secret
    let proof = PairingProof.make(secret: secret, context: "ab", data: [1, 2])
    func holds(_ secret: [UInt8], _ context: String, _ data: [UInt8], _ proof: [UInt8]) -> Bool {
      PairingProof.verify(proof, secret: secret, context: context, data: data)
    }
    #expect(holds(secret, "ab", [1, 2], proof))
    #expect(!holds(PairingToken().secret, "ab", [1, 2], proof))
    #expect(!holds(secret, "a", [98, 1, 2], proof))
    #expect(!holds(secret, "ab", [1, 3], proof))
    #expect(!holds(secret, "ab", [1, 2], Array(proof.dropLast())))
    #expect(!holds(secret, "ab", [1, 2], []))
  }
}
