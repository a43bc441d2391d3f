// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Lab
import Testing

@Suite("The guest's sequence")
struct LabSequenceTests {
  let bounds = SequenceBounds(before: 3, after: 5)

  private func page(_ numbers: any Sequence<Int>) -> String {
    numbers.map { "\($0) 1795447291\n" }.joined()
  }

  @Test(arguments: [(3, 3), (4, 3), (5, 5), (6, 5), (6, 6)])
  func `disks of one instant within the bounds are right`(boot: Int, data: Int) {
    #expect(bounds.fault(bootDisk: page(1...boot), dataDisk: page(1...data)) == nil)
  }

  @Test(arguments: [(2, 2), (7, 6), (3, 2), (5, 3), (4, 5)])
  func `disks outside the bounds or of two instants are wrong`(boot: Int, data: Int) {
    #expect(bounds.fault(bootDisk: page(1...boot), dataDisk: page(1...data)) != nil)
  }

  @Test(arguments: [[1, 2, 4], [2, 3, 4], [1, 2, 2, 3], [1, 3, 2, 4], []])
  func `a sequence with a gap, a repetition or another order is wrong`(numbers: [Int]) {
    #expect(bounds.fault(bootDisk: page(numbers), dataDisk: page(1...4)) != nil)
    #expect(bounds.fault(bootDisk: page(1...4), dataDisk: page(numbers)) != nil)
  }

  @Test(arguments: ["\u{1}\u{2}garbage", "1 2 3", "one 1795447291", "1"])
  func `a page that is no sequence is not read as one`(text: String) {
    #expect(SequenceFile(text) == nil)
  }
}
