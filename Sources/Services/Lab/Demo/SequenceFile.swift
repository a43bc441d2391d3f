// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What the guest wrote to one disk, as a web page of the guest shows it: a number and a time on
/// each line.
package struct SequenceFile: Equatable, Sendable {
  package let numbers: [Int]

  /// Reads a page; nil if it holds anything else than such lines.
  package init?(_ page: String) {
    var numbers: [Int] = []
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.split(separator: " ")
      if words.isEmpty { continue }
      guard words.count == 2, let number = Int(words[0]), Int(words[1]) != nil else { return nil }
      numbers.append(number)
    }
    self.numbers = numbers
  }

  /// The last number if they are 1, 2, 3 … without a gap; nil otherwise.
  package var lastOfUnbroken: Int? {
    guard !numbers.isEmpty, numbers == Array(1...numbers.count) else { return nil }
    return numbers.count
  }
}

/// What the sequence was around an instant: the recovered disks must lie in between.
package struct SequenceBounds: Equatable, Sendable {
  /// The last number on both disks before the checkpoint was asked for.
  package let before: Int
  /// The last number on both disks once the checkpoint was there.
  package let after: Int

  package init(before: Int, after: Int) {
    self.before = before
    self.after = after
  }

  /// Checks that two disks are as of one instant within the bounds, nothing missing, nothing after
  /// it.
  ///
  /// The guest writes a number to the boot disk first, then to the data disk.
  ///
  /// - Returns: What is wrong; nil if nothing is.
  package func fault(bootDisk: String, dataDisk: String) -> String? {
    guard let boot = SequenceFile(bootDisk)?.lastOfUnbroken else {
      return "the boot disk's file: expected 1, 2, 3 …, got “\(Self.excerpt(bootDisk))”"
    }
    guard let data = SequenceFile(dataDisk)?.lastOfUnbroken else {
      return "the data disk's file: expected 1, 2, 3 …, got “\(Self.excerpt(dataDisk))”"
    }
    // The number after `after` may have been on its way already when `after` was read.
    guard (before...after + 1).contains(boot) else {
      return "the boot disk: expected to end between \(before) and \(after + 1), got \(boot)"
    }
    guard data == boot || data == boot - 1 else {
      return "not one instant: the boot disk ends at \(boot), the data disk at \(data)"
    }
    guard data >= before else {
      return "the data disk: expected to end at \(before) or later, got \(data)"
    }
    return nil
  }

  private static func excerpt(_ page: String) -> String {
    page.count <= 80 ? page : "\(page.prefix(40)) … \(page.suffix(40))"
  }
}
