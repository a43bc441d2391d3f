// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The file beside a closed segment that says what is in it, so that opening need not read it.
///
/// Layout, little endian: 0 magic (8), 8 version (4), 12 CRC32C of the file with this field zero
/// (4), 16 byte count of the file (8), 24 the segment's ordinal (8), 32 its salt (8), 40 the number
/// before its first record (8), 48 its last record (8), 56 the end of its last batch (8), 64 time
/// of the first record in ms (8), 72 time of the last one (8), 80 entry count (4), 84 time mark
/// count (4), 88 event count (4), 92 byte count of the events (4), 96 volume count (4), 100 zeroes
/// (28). Then for each volume how many entries it has (4 each), the entries (22 each), time marks
/// (24 each: 0 place of the batch, 8 lowest time, 16 first record), and events: a record as in a
/// batch (40), its payload after it.
enum IndexFile {
  static let headerByteCount = 128
  static let magic: UInt64 = 0x5845_444E_494A_5355  // "USJINDEX"
  /// Others are not read: the segment is.
  static let version: UInt32 = 4

  static func fileName(_ ordinal: UInt64) -> String {
    SegmentHeader.hexadecimal(ordinal) + ".index"
  }

  /// The bytes of the file of a closed segment.
  static func encode(_ segment: Segment, _ run: IndexRun) -> AlignedBuffer {
    let eventsByteCount = segment.events.reduce(0) {
      $0 + StreamRecord.encodedByteCount + $1.payload.count
    }
    let marks = segment.times.marks
    let entriesStart = headerByteCount + 4 * run.volumeCount
    let entriesEnd = entriesStart + run.count * IndexEntry.byteCount
    let marksEnd = entriesEnd + marks.count * TimeTable.Mark.byteCount
    let byteCount = marksEnd + eventsByteCount
    let buffer = AlignedBuffer()
    let bytes = unsafe buffer.bytes(byteCount)
    unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<headerByteCount])
      .initializeMemory(as: UInt8.self, repeating: 0)
    unsafe bytes.put(magic, at: 0)
    unsafe bytes.put(version, at: 8)
    unsafe bytes.put(UInt64(byteCount), at: 16)
    unsafe bytes.put(segment.ordinal, at: 24)
    unsafe bytes.put(segment.salt, at: 32)
    unsafe bytes.put(segment.firstSequence.previous.rawValue, at: 40)
    unsafe bytes.put(segment.lastSequence.rawValue, at: 48)
    unsafe bytes.put(segment.usedByteCount, at: 56)
    unsafe bytes.put(segment.firstTime?.milliseconds ?? 0, at: 64)
    unsafe bytes.put(segment.lastTime?.milliseconds ?? 0, at: 72)
    unsafe bytes.put(UInt32(run.count), at: 80)
    unsafe bytes.put(UInt32(marks.count), at: 84)
    unsafe bytes.put(UInt32(segment.events.count), at: 88)
    unsafe bytes.put(UInt32(eventsByteCount), at: 92)
    unsafe bytes.put(UInt32(run.volumeCount), at: 96)
    for volume in 0..<run.volumeCount {
      let count = UInt32(run.entries(of: volume).count)
      unsafe bytes.put(count, at: headerByteCount + 4 * volume)
    }
    for index in 0..<run.count {
      unsafe run[index].encode(into: bytes, at: entriesStart + index * IndexEntry.byteCount)
    }
    for (index, mark) in marks.enumerated() {
      let start = entriesEnd + index * TimeTable.Mark.byteCount
      unsafe bytes.put(mark.fileOffset, at: start)
      unsafe bytes.put(mark.lowest.milliseconds, at: start + 8)
      unsafe bytes.put(mark.firstSequence.rawValue, at: start + 16)
    }
    var position = marksEnd
    for event in segment.events {
      unsafe event.record.encode(
        into: UnsafeMutableRawBufferPointer(rebasing: bytes[position...])
      )
      position += StreamRecord.encodedByteCount
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[position...])
        .copyBytes(from: event.payload)
      position += event.payload.count
    }
    let checksum = unsafe Checksum.of(UnsafeRawBufferPointer(bytes))
    unsafe bytes.put(checksum, at: 12)
    return buffer
  }

  /// Writes the file of a closed segment; it has its name only once it is durable.
  static func write(
    _ segment: Segment,
    _ run: IndexRun,
    to folder: any StorageFolder
  ) throws(StorageError) {
    let buffer = encode(segment, run)
    let file = try folder.open("index.tmp", creating: true)
    try file.resize(to: 0)
    unsafe try file.write(UnsafeRawBufferPointer(buffer.content), at: 0)
    try file.sync()
    try folder.rename("index.tmp", to: segment.indexName)
    try folder.sync()
  }

  /// Reads the file of a segment, of which only the header is known, and completes it.
  ///
  /// Nil if the file is damaged, or belongs to what was in the segment's file before.
  static func read(
    _ file: any StorageFile,
    for segment: inout Segment,
    room: VolumeSizes
  ) throws(StorageError) -> IndexRun? {
    let byteCount = try file.byteCount()
    guard byteCount >= UInt64(headerByteCount), byteCount < 1 << 32 else { return nil }
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(byteCount),
      alignment: AlignedBuffer.alignment
    )
    var isKept = false
    defer { if !isKept { unsafe memory.deallocate() } }
    unsafe try file.read(at: 0, into: memory)
    guard var reader = unsafe IndexFileReader(memory, segment),
      let counts = reader.checkEntries(room, segment.fileByteCount),
      reader.readMarks(), reader.readEvents()
    else { return nil }
    segment = reader.segment
    isKept = true
    return unsafe IndexRun(
      adopting: memory,
      at: reader.entriesStart,
      counts: counts,
      records: (segment.firstSequence.previous, segment.lastSequence),
      segments: segment.ordinal...segment.ordinal
    )
  }
}

/// Takes an index file's bytes apart; whatever they are, it only says yes or no.
@safe private struct IndexFileReader {
  private let bytes: UnsafeRawBufferPointer
  private let volumeCount: Int
  private let entryCount: Int
  private let markCount: Int
  private let eventCount: Int
  private(set) var segment: Segment

  var entriesStart: Int { IndexFile.headerByteCount + 4 * volumeCount }
  private var entriesEnd: Int { entriesStart + entryCount * IndexEntry.byteCount }
  private var marksEnd: Int {
    entriesEnd + markCount * TimeTable.Mark.byteCount
  }

  init?(_ memory: UnsafeMutableRawBufferPointer, _ segment: Segment) {
    let raw = UnsafeRawBufferPointer(memory)
    let checksum: UInt32 = unsafe raw.number(at: 12)
    unsafe memory.put(UInt32(0), at: 12)
    guard unsafe raw.number(at: 0) == IndexFile.magic,
      unsafe raw.number(at: 8, as: UInt32.self) == IndexFile.version,
      unsafe raw.number(at: 16) == UInt64(raw.count),
      unsafe raw.number(at: 24) == segment.ordinal, unsafe raw.number(at: 32) == segment.salt,
      unsafe Checksum.of(raw) == checksum
    else { return nil }
    unsafe bytes = raw
    volumeCount = unsafe Int(raw.number(at: 96, as: UInt32.self))
    entryCount = unsafe Int(raw.number(at: 80, as: UInt32.self))
    markCount = unsafe Int(raw.number(at: 84, as: UInt32.self))
    eventCount = unsafe Int(raw.number(at: 88, as: UInt32.self))
    var segment = segment
    let base: UInt64 = unsafe raw.number(at: 40)
    segment.lastSequence = unsafe SequenceNumber(raw.number(at: 48))
    segment.usedByteCount = unsafe raw.number(at: 56)
    segment.firstTime = unsafe WallTime(milliseconds: raw.number(at: 64))
    segment.lastTime = unsafe WallTime(milliseconds: raw.number(at: 72))
    guard base < segment.lastSequence.rawValue, segment.lastSequence <= .last,
      segment.lastSequence.rawValue - base <= UInt64(UInt32.max),
      segment.usedByteCount <= segment.fileByteCount
    else { return nil }
    segment.firstSequence = SequenceNumber(base + 1)
    segment.isClosed = true
    segment.isIndexed = true
    self.segment = segment
    let eventsByteCount = unsafe Int(raw.number(at: 92, as: UInt32.self))
    guard marksEnd + eventsByteCount == raw.count else { return nil }
  }

  /// How many entries each volume has, if they are in order and name bytes that there are.
  func checkEntries(_ room: VolumeSizes, _ fileByteCount: UInt64) -> [Int]? {
    guard volumeCount <= room.bytes.count else { return nil }
    let counts = (0..<volumeCount).map { volume in
      unsafe Int(bytes.number(at: IndexFile.headerByteCount + 4 * volume, as: UInt32.self))
    }
    guard counts.reduce(0, +) == entryCount else { return nil }
    let records = segment.lastSequence.rawValue - segment.firstSequence.rawValue + 1
    var position = entriesStart
    for (volume, count) in counts.enumerated() {
      // No record is number 0, so the first key is above this.
      var key: UInt64 = 0
      for _ in 0..<count {
        let entry = unsafe IndexEntry(decoding: bytes, at: position)
        guard entry.key > key, entry.first <= entry.last, entry.upper <= room[volume],
          entry.sequence > 0, UInt64(entry.sequence) <= records,
          entry.segment == IndexEntry.zeroes
            || entry.segment == 0
              && UInt64(entry.fileOffset) + UInt64(entry.last - entry.first) < fileByteCount
        else { return nil }
        key = entry.key
        position += IndexEntry.byteCount
      }
    }
    return counts
  }

  mutating func readMarks() -> Bool {
    for index in 0..<markCount {
      let start = entriesEnd + index * TimeTable.Mark.byteCount
      let mark = unsafe TimeTable.Mark(
        fileOffset: bytes.number(at: start),
        lowest: WallTime(milliseconds: bytes.number(at: start + 8)),
        firstSequence: SequenceNumber(bytes.number(at: start + 16))
      )
      guard mark.fileOffset < segment.usedByteCount else { return false }
      segment.times.restore(mark)
    }
    return true
  }

  mutating func readEvents() -> Bool {
    var position = marksEnd
    var newest = segment.firstSequence.previous
    for _ in 0..<eventCount {
      guard
        let record = unsafe StreamRecord(
          decoding: UnsafeRawBufferPointer(rebasing: bytes[position...])
        ),
        record.sequence > newest, record.sequence <= segment.lastSequence
      else { return false }
      newest = record.sequence
      position += StreamRecord.encodedByteCount
      guard unsafe position + record.payloadByteCount <= bytes.count else { return false }
      let payload = unsafe bytes[position..<(position + record.payloadByteCount)]
      position += record.payloadByteCount
      unsafe segment.events.append(Segment.Event(record: record, payload: Array(payload)))
    }
    return unsafe position == bytes.count
  }
}
