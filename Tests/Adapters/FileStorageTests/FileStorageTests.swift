// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import FileStorage
import Foundation
import Journal
import RecoveryModel
import Testing

@Suite struct `Files of the file system` {
  @Test func `keep what was written where it was written`() throws {
    try withFolder { folder in
      let file = try folder.open("a", creating: true)
      try write([1, 2, 3], to: file, at: 10)
      #expect(try file.byteCount() == 13)
      #expect(try read(file, at: 8, count: 5) == [0, 0, 1, 2, 3])
      #expect(try folder.list() == ["a"])
    }
  }

  @Test func `say that a read goes past the end`() throws {
    try withFolder { folder in
      let file = try folder.open("a", creating: true)
      try write([1, 2, 3], to: file, at: 0)
      #expect(
        throws: StorageError.pastEnd(file: folder.path + "/a", offset: 1, byteCount: 3)
      ) { try read(file, at: 1, count: 3) }
    }
  }

  @Test func `say that a file is missing`() throws {
    try withFolder { folder in
      #expect(throws: StorageError.missing(folder.path + "/none")) {
        try folder.open("none", creating: false)
      }
      #expect(throws: StorageError.missing("none")) { try folder.remove("none") }
    }
  }

  @Test func `punch a hole of any size and keep their length`() throws {
    try withFolder { folder in
      let file = try File(path: folder.path + "/a", creating: true)
      try write([UInt8](repeating: 7, count: 1 << 20), to: file, at: 0)
      try file.sync()
      let before = try file.allocatedByteCount()
      try file.punchHole(at: 5, count: 900_000)
      #expect(try file.byteCount() == 1 << 20)
      #expect(try read(file, at: 4, count: 2) == [7, 0])
      #expect(try read(file, at: 900_004, count: 2) == [0, 7])
      #expect(try file.allocatedByteCount() < before)
    }
  }

  @Test func `keep all their space if they are thick, whatever is made zero`() throws {
    try withFolder { folder in
      let path = folder.path + "/a"
      let file = try File(path: path, creating: true, isThick: true)
      try write([UInt8](repeating: 7, count: 1 << 20), to: file, at: 0)
      try file.resize(to: 2 << 20)
      try file.reserveAll()
      #expect(try file.allocatedByteCount() >= 2 << 20)
      try file.punchHole(at: 5, count: 900_000)
      #expect(try file.allocatedByteCount() >= 2 << 20)
      #expect(try file.byteCount() == 2 << 20)
      #expect(try read(file, at: 4, count: 2) == [7, 0])
      #expect(try read(file, at: 900_004, count: 2) == [0, 7])
    }
  }

  @Test func `tell where data is between holes`() throws {
    try withFolder { folder in
      let file = try File(path: folder.path + "/a", creating: true)
      try file.resize(to: 3 << 20)
      #expect(try file.nextData(from: 0) == nil)
      try write([UInt8](repeating: 7, count: 65536), to: file, at: 1 << 20)
      let data = UInt64(1 << 20)..<UInt64((1 << 20) + 65536)
      #expect(try file.nextData(from: 0) == data)
      #expect(try file.nextData(from: data.lowerBound + 5) == data.lowerBound + 5..<data.upperBound)
      #expect(try file.nextData(from: data.upperBound) == nil)
      #expect(try file.nextData(from: 3 << 20) == nil)
    }
  }

  @Test func `take direct and other writes side by side`() throws {
    try withFolder { folder in
      let file = try folder.open("a", creating: true)
      let aligned = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 4096)
      defer { aligned.deallocate() }
      aligned.initializeMemory(as: UInt8.self, repeating: 5)
      try write([1], to: file, at: 0)
      try file.write(UnsafeRawBufferPointer(aligned), at: 4096)
      #expect(try read(file, at: 4095, count: 2) == [0, 5])
      try folder.rename("a", to: "b")
      try write([7], to: file, at: 5000)
      try file.write(UnsafeRawBufferPointer(rebasing: aligned[4096...]), at: 8192)
      try file.sync()
      #expect(try read(file, at: 4999, count: 3) == [5, 7, 5])
      #expect(try file.byteCount() == 12288)
      try file.forgetCache()
      #expect(try read(file, at: 4999, count: 3) == [5, 7, 5])
    }
  }

  @Test func `say whether writes can go past the page cache`() throws {
    try withFolder { folder in
      // What the file system of the tests can do is not ours to say.
      _ = try folder.canWriteDirectly()
      #expect(try folder.list() == [])
      #expect(try #require(try folder.freeByteCount()) > 0)
    }
  }

  @Test func `are reserved as zeroes and cut again`() throws {
    try withFolder { folder in
      let file = try File(path: folder.path + "/a", creating: true)
      try file.reserve(1 << 20)
      #expect(try file.byteCount() == 1 << 20)
      #expect(try file.allocatedByteCount() >= 1 << 20)
      #expect(try read(file, at: 1000, count: 3) == [0, 0, 0])
      try file.resize(to: 4096)
      #expect(try file.byteCount() == 4096)
    }
  }

  @Test func `can be read after their name is gone`() throws {
    try withFolder { folder in
      let file = try folder.open("a", creating: true)
      try write([9], to: file, at: 0)
      try folder.rename("a", to: "b")
      #expect(try folder.list() == ["b"])
      try folder.remove("b")
      try folder.sync()
      #expect(try read(file, at: 0, count: 1) == [9])
    }
  }

  @Test(arguments: [1, 5000, (1 << 20) - 1, 1 << 20, (4 << 20) + 1])
  func `are written from aligned memory, huge pages if it is much`(byteCount: Int) throws {
    try withFolder { folder in
      let memory = folder.allocate(byteCount)
      let start = Int(bitPattern: memory.baseAddress)
      let isMuch = byteCount >= 1 << 20
      #expect(memory.count >= byteCount && memory.count < byteCount + (2 << 20))
      #expect(start % (isMuch ? 2 << 20 : 4096) == 0)
      memory.initializeMemory(as: UInt8.self, repeating: 7)
      let file = try folder.open("a", creating: true)
      try file.write(UnsafeRawBufferPointer(memory), at: 4096)
      #expect(try read(file, at: UInt64(4096 + memory.count - 1), count: 1) == [7])
      if isMuch { #expect(mappingFlags(at: start).contains("hg")) }
      folder.deallocate(memory)
    }
  }

  @Test func `hold a journal that is there again after a restart`() throws {
    try withFolder { folder in
      for isFirst in [true, false] {
        let replica = try File(path: folder.path + "/replica.raw", creating: true)
        let journal = try StreamJournal(
          stream: StreamIdentifier("s"),
          folder: FileFolder(path: folder.path + "/deep/journal"),
          replicas: [replica],
          volumeSizes: [1 << 20],
          settings: .init(historySeconds: 60, hardLimitByteCount: 1 << 30)
        )
        if isFirst {
          try append(.syncBegan, 1, offset: 1, to: journal)
          try append(.syncEnded, 2, to: journal)
          try append(.zeroes, 3, offset: 4096, length: 100, to: journal)
          try append(.mark, 4, offset: 77, to: journal)
        }
        #expect(journal.state.durable == SequenceNumber(4))
        #expect(journal.checkpoints().map(\.identifier.number) == [77])
        try journal.fold(through: SequenceNumber(4))
        #expect(try replica.byteCount() == 1 << 20)
      }
    }
  }
}

private func append(
  _ kind: StreamRecord.Kind,
  _ sequence: UInt64,
  offset: UInt64 = 0,
  length: UInt32 = 0,
  to journal: StreamJournal
) throws {
  let record = StreamRecord(
    sequence: SequenceNumber(sequence),
    time: WallTime(milliseconds: 1),
    kind: kind,
    offset: offset,
    length: length
  )
  try journal.append([record], payload: UnsafeRawBufferPointer(start: nil, count: 0))
}

/// The kernel's flags of the memory at an address.
private func mappingFlags(at address: Int) -> [Substring] {
  // The file says that it is empty: Foundation would read its beginning alone.
  guard let file = fopen("/proc/self/smaps", "r") else { return [] }
  defer { fclose(file) }
  let line = UnsafeMutablePointer<CChar>.allocate(capacity: 4096)
  defer { line.deallocate() }
  var isInside = false
  while fgets(line, 4096, file) != nil {
    let words = String(cString: line).split { $0.isWhitespace }
    let ends = words[0].split(separator: "-").compactMap { Int($0, radix: 16) }
    if ends.count == 2 { isInside = ends[0] <= address && address < ends[1] }
    if isInside, words[0] == "VmFlags:" { return words }
  }
  return []
}

private func withFolder(_ body: (FileFolder) throws -> Void) throws {
  let path = FileManager.default.temporaryDirectory
    .appendingPathComponent("understudy-files-\(UUID().uuidString)").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  try body(FileFolder(path: path))
}

private func write(_ bytes: [UInt8], to file: any StorageFile, at offset: UInt64) throws {
  try bytes.withUnsafeBytes { try file.write($0, at: offset) }
}

private func read(_ file: any StorageFile, at offset: UInt64, count: Int) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0xEE, count: count)
  try bytes.withUnsafeMutableBytes { try file.read(at: offset, into: $0) }
  return bytes
}
