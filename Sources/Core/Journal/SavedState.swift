// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// What the journal knows beside its segments: the text of the file `state`.
///
/// A line is a key and its values, separated by spaces; the last line is the CRC32C of all bytes
/// before it. A line of spaces makes it a multiple of 4096 bytes, so that the next state has room
/// where the one before the last was.
struct SavedState: Equatable {
  static let fileName = "state"
  /// The state before: its file is the next one's.
  static let oldFileName = "state.old"
  private static let block = 4096

  var stream: StreamIdentifier
  /// The volumes as of `folded`.
  var volumes: VolumeSizes
  /// Whether the first sync has finished: only then do the replicas have a meaning of their own.
  var isComplete = false
  /// Complete: the replicas are the stream's content as of this record.
  ///
  /// Before: every record up to this one is in the replicas, and maybe later ones.
  var folded = SequenceNumber(0)
  /// A fold up to this record began and may be in the replicas in part; 0 if none.
  var folding = SequenceNumber(0)
  /// The sync that was open as of `folded`: the number in its record's offset, 0 if none.
  var sync: UInt64 = 0
  /// Set once the journal was folded for good.
  var isPromoted = false
  /// Promoted, and what volumes grew by later may not be cut off the replicas yet.
  ///
  /// Once it is, they are somebody's disks, and nobody here changes their length.
  var isUncut = false
  /// The checkpoint whose record is exactly `folded`.
  var checkpoint: Checkpoint?

  init(stream: StreamIdentifier, volumes: VolumeSizes) {
    self.stream = stream
    self.volumes = volumes
  }
}

extension SavedState {
  /// Bytes of the last line.
  private static let sumByteCount = 16

  /// The bytes of the file.
  var encoded: [UInt8] {
    var text = """
      understudy-journal \(SegmentHeader.version)
      stream \(stream)
      volumes \(volumes.bytes.map(String.init).joined(separator: " "))
      complete \(isComplete ? 1 : 0)
      folded \(folded.rawValue)
      folding \(folding.rawValue)
      sync \(sync)
      promoted \(isPromoted ? isUncut ? 2 : 1 : 0)

      """
    if let checkpoint {
      let tag = checkpoint.tag.utf8.map { Self.hexadecimal(UInt64($0), digits: 2) }.joined()
      text +=
        "checkpoint \(checkpoint.identifier) \(checkpoint.time.milliseconds) -\(tag)\n"
      // A line of its own, which programs that do not know it pass over.
      if checkpoint.isQuiesced { text += "quiesced 1\n" }
    }
    var bytes = Array(text.utf8)
    let byteCount = (bytes.count + 1 + Self.sumByteCount).roundedUp(to: Self.block)
    bytes += repeatElement(0x20, count: byteCount - bytes.count - 1 - Self.sumByteCount)
    bytes.append(0x0A)
    bytes += "crc32c \(Self.hexadecimal(UInt64(Self.checksum(bytes[...])), digits: 8))\n".utf8
    return bytes
  }

  /// Reads the file; ``JournalError/stateDamaged`` if it is not whole.
  init(decoding bytes: [UInt8]) throws(JournalError) {
    guard bytes.last == 0x0A, let end = bytes.dropLast().lastIndex(of: 0x0A) else {
      throw .stateDamaged
    }
    let body = bytes[...end]
    let sum = Self.hexadecimal(UInt64(Self.checksum(body)), digits: 8)
    guard Array(bytes[(end + 1)...]) == Array("crc32c \(sum)\n".utf8) else {
      throw .stateDamaged
    }
    var lines: [Substring: [Substring]] = [:]
    for line in String(decoding: body, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard let key = words.first else { continue }
      lines[key] = Array(words.dropFirst())
    }
    guard let version = lines["understudy-journal"]?.first.flatMap({ UInt32($0) }) else {
      throw .stateDamaged
    }
    guard SegmentHeader.readableVersions.contains(version) else {
      throw .unsupportedVersion(version)
    }
    guard let state = Self.make(of: lines) else { throw .stateDamaged }
    self = state
  }

  private static func make(of lines: [Substring: [Substring]]) -> SavedState? {
    func number(_ key: Substring) -> UInt64? { lines[key]?.first.flatMap { UInt64($0) } }
    guard let stream = lines["stream"]?.first, let sizes = lines["volumes"],
      let complete = number("complete"), let folded = number("folded"),
      let folding = number("folding"), let sync = number("sync"),
      let promoted = number("promoted"), promoted <= 2
    else { return nil }
    let volumes = sizes.compactMap { UInt64($0) }
    guard volumes.count == sizes.count, volumes.count <= VolumeSizes.limit,
      max(folded, folding) <= SequenceNumber.last.rawValue
    else { return nil }
    var state = SavedState(
      stream: StreamIdentifier(String(stream)),
      volumes: VolumeSizes(volumes)
    )
    state.isComplete = complete == 1
    state.folded = SequenceNumber(folded)
    state.folding = SequenceNumber(folding)
    state.sync = sync
    state.isPromoted = promoted > 0
    state.isUncut = promoted == 2
    if let words = lines["checkpoint"] {
      guard let checkpoint = Self.checkpoint(words, isQuiesced: number("quiesced") == 1) else {
        return nil
      }
      state.checkpoint = checkpoint
    }
    return state
  }

  private static func checkpoint(_ words: [Substring], isQuiesced: Bool) -> Checkpoint? {
    guard words.count == 3, let identifier = CheckpointIdentifier(text: String(words[0])),
      let milliseconds = Int64(words[1]), words[2].first == "-"
    else { return nil }
    let digits = Array(words[2].dropFirst())
    guard digits.count.isMultiple(of: 2) else { return nil }
    var tag: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(digits[index...(index + 1)]), radix: 16) else { return nil }
      tag.append(byte)
    }
    return Checkpoint(
      identifier: identifier,
      time: WallTime(milliseconds: milliseconds),
      tag: String(decoding: tag, as: UTF8.self),
      isQuiesced: isQuiesced
    )
  }

  private static func hexadecimal(_ number: UInt64, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBytes { unsafe Checksum.of($0) }
  }
}

extension SavedState {
  /// Reads the state of a folder, nil if it has none.
  static func load(from folder: any StorageFolder) throws(JournalError) -> SavedState? {
    let names = try stored { () throws(StorageError) in try folder.list() }
    guard names.contains(fileName) else { return nil }
    let bytes = try stored { () throws(StorageError) in
      let file = try folder.open(fileName, creating: false)
      let count = try file.byteCount()
      // The volumes' sizes and one tag are all that varies; more is not a state file.
      guard count <= 1 << 20 else { return [UInt8]() }
      let buffer = AlignedBuffer()
      let content = unsafe buffer.bytes(Int(count))
      unsafe try file.read(at: 0, into: content)
      return unsafe [UInt8](content)
    }
    return try SavedState(decoding: bytes)
  }

  /// Puts the state in place of the one before, durably and in one step.
  ///
  /// The two files take turns, so that this needs no room on the disk: a fold has to save where it
  /// goes before it can make any.
  func save(to folder: any StorageFolder) throws(JournalError) {
    let bytes = encoded
    try stored { () throws(StorageError) in
      let file = try folder.open(Self.oldFileName, creating: true)
      let buffer = AlignedBuffer()
      let content = unsafe buffer.bytes(bytes.count)
      unsafe content.copyBytes(from: bytes)
      unsafe try file.write(UnsafeRawBufferPointer(content), at: 0)
      if try file.byteCount() != bytes.count { try file.resize(to: UInt64(bytes.count)) }
      try file.sync()
      try folder.exchange(Self.oldFileName, with: Self.fileName)
      try folder.sync()
    }
  }
}
