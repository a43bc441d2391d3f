// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ReplicationProtocol
import Testing

struct AdaptiveCompressionTests {
  @Test func `an idle link hurries the compressing and a busy one lets it be thorough`() {
    var choice = AdaptiveCompression()
    #expect(choice.acceleration == 1)
    for expected in [2, 4, 8, 8] {
      choice.pace(isLinkIdle: true)
      #expect(choice.acceleration == expected)
    }
    for expected in [4, 2, 1, 1] {
      choice.pace(isLinkIdle: false)
      #expect(choice.acceleration == expected)
    }
  }

  @Test func `what does not shrink is tried less and less`() {
    var choice = AdaptiveCompression()
    var attempts = 0
    for _ in 0..<1000 where choice.shouldTry(byteCount: 4096) {
      attempts += 1
      let isUsed = choice.tried(byteCount: 4096, compressedByteCount: 4090)
      #expect(!isUsed)
    }
    #expect((10...25).contains(attempts))
  }

  @Test func `what shrinks is compressed at once again`() {
    var choice = AdaptiveCompression()
    _ = choice.tried(byteCount: 4096, compressedByteCount: 0)
    let next = choice.shouldTry(byteCount: 4096)
    let afterwards = choice.shouldTry(byteCount: 4096)
    #expect(!next)
    #expect(afterwards)
    let isUsed = choice.tried(byteCount: 4096, compressedByteCount: 2000)
    let isTried = choice.shouldTry(byteCount: 4096)
    let isShortTried = choice.shouldTry(byteCount: 100)
    #expect(isUsed && isTried && !isShortTried)
  }
}
