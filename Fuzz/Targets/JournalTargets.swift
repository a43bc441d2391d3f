// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CChecksum
internal import Journal
internal import RecoveryModel

// MARK: Damage

func fuzzJournalDamage(_ input: inout FuzzInput) {
  let good = SampleJournal.good
  var files = good.files
  let names = files.keys.sorted()
  let isResealed = input.number(UInt8.self) & 1 == 1
  while !input.isAtEnd {
    let name = names[Int(input.number(UInt8.self)) % names.count]
    change(&files, name, names, &input)
  }
  if isResealed { files = files.mapValues(reseal) }
  use(SampleJournal(files, replicas: good.replicas))
}

/// Does one thing to a file, as the input says.
private func change(
  _ files: inout [String: [UInt8]],
  _ name: String,
  _ names: [String],
  _ input: inout FuzzInput
) {
  guard var content = files[name], !content.isEmpty else { return }
  let choice = input.number(UInt8.self)
  let offset = Int(input.number(UInt16.self)) % content.count
  let block = offset & ~4095
  switch choice % 8 {
  case 0, 1, 2:
    let bytes = input.takeUp(to: Int(choice >> 3) + 1)
    let end = min(content.count, offset + bytes.count)
    content.replaceSubrange(offset..<end, with: bytes[..<(end - offset)])
  case 3: content.removeLast(content.count - offset)
  case 4: content += [UInt8](repeating: 0, count: offset)
  case 5:
    // A block of this or another file in the place of one of this.
    let other = files[names[Int(input.number(UInt8.self)) % names.count]] ?? content
    let from = Int(input.number(UInt8.self)) * 4096
    guard from + 4096 <= other.count, block + 4096 <= content.count else { break }
    content.replaceSubrange(block..<(block + 4096), with: other[from..<(from + 4096)])
  case 6:
    files[names[Int(input.number(UInt8.self)) % names.count]] = content
  default:
    files[name] = nil
    return
  }
  files[name] = content
}

/// Makes the checksums right again that the change has made wrong, so that what is behind them is
/// reached.
private func reseal(_ content: [UInt8]) -> [UInt8] {
  if content.starts(with: "understudy-journal".utf8) { return resealState(content) }
  var content = content
  if content.starts(with: "USJINDEX".utf8) {
    seal(&content, 0..<content.count)
    return content
  }
  for start in stride(from: 0, to: content.count, by: 4096) {
    let magic = content[start...].prefix(8)
    if magic.elementsEqual("USJOURNL".utf8) {
      seal(&content, start..<(start + 4096))
    } else if magic.elementsEqual("USJBATCH".utf8), start + 44 <= content.count {
      let recordCount = content[(start + 40)..<(start + 44)].reversed().reduce(0) {
        $0 << 8 | Int($1)
      }
      seal(&content, start..<(start + 64 + 40 * recordCount))
    }
  }
  return content
}

/// Puts the checksum of a range into its bytes 12 to 15, if there is such a range.
private func seal(_ content: inout [UInt8], _ range: Range<Int>) {
  guard range.count >= 16, range.upperBound <= content.count else { return }
  let place = range.lowerBound + 12
  content.replaceSubrange(place..<(place + 4), with: [0, 0, 0, 0])
  let sum = Array(content[range]).withUnsafeBytes {
    $0.baseAddress.map { understudy_crc32c(0, $0, range.count) } ?? 0
  }
  for index in 0..<4 { content[place + index] = UInt8(truncatingIfNeeded: sum >> (8 * index)) }
}

private func resealState(_ content: [UInt8]) -> [UInt8] {
  guard let end = content.dropLast().lastIndex(of: 0x0A) else { return content }
  let body = Array(content[...end])
  let digits = String(understudy_crc32c(0, body, body.count), radix: 16)
  return body
    + "crc32c \(String(repeating: "0", count: 8 - digits.count))\(digits)\n".utf8
}

// MARK: Files

func fuzzJournalFiles(_ input: inout FuzzInput) {
  let names = [
    "state", "0000000000000001.journal", "0000000000000002.journal", "0000000000000001.index",
    "0000000000000002.index", "state.tmp", "ffffffffffffffff.journal", "request.json",
  ]
  var files: [String: [UInt8]] = [:]
  while !input.isAtEnd {
    let choice = input.number(UInt8.self)
    let byteCount = Int(input.number(UInt16.self))
    var content = input.takeUp(to: byteCount)
    // A segment is read in pieces of 4096 bytes.
    if choice & 0x10 != 0 { content += [UInt8](repeating: 0, count: 8192) }
    files[names[Int(choice & 7)]] = choice & 0x20 != 0 ? reseal(content) : content
  }
  use(SampleJournal(files))
}

// MARK: Use

/// Opens a journal of whatever content and, if it opens, uses all of it.
///
/// What opened once must take records, fold, and open again with the same content.
private func use(_ sample: SampleJournal) {
  do throws(JournalError) {
    let journal = try sample.open()
    readPoints(of: journal)
    let state = journal.state
    guard state.isComplete, !state.isPromoted else { return }
    var records = RecordMaker(next: state.durable.next)
    try records.append(.write, offset: 100, payload: [1, 2, 3], to: journal)
    let latest = content(of: journal)
    try journal.fold(through: journal.state.durable)
    precondition(content(of: journal) == latest, "a fold changes the newest content")
    _ = try reopened(journal, sample)
  } catch {
    // Refused, with a reason.
  }
}

/// Reads the oldest, a middle and the newest point, and the newest checkpoint.
private func readPoints(of journal: StreamJournal) {
  let state = journal.state
  let middle = SequenceNumber(state.folded.rawValue / 2 + state.durable.rawValue / 2)
  let checkpoint = journal.checkpoints().last.flatMap { journal.sequence(of: $0.identifier) }
  for point in [state.folded, middle, checkpoint, state.durable].compactMap(\.self) {
    for (volume, size) in SampleJournal.volumeSizes.enumerated() {
      withUnsafeTemporaryAllocation(byteCount: Int(size), alignment: 8) { buffer in
        try? journal.read(volume: volume, at: 0, into: buffer, asOf: point)
      }
    }
  }
}

/// A checksum of each volume's newest content; 0 for a volume that is not there now, whatever
/// bytes the records before left in its replica.
private func content(of journal: StreamJournal) -> [UInt32] {
  let sizes = journal.volumes(at: journal.state.durable)
  return SampleJournal.volumeSizes.indices.map { volume in
    let byteCount = Int(min(sizes[volume], SampleJournal.volumeSizes[volume]))
    return withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { buffer in
      buffer.initializeMemory(as: UInt8.self, repeating: 0xEE)
      try? journal.readLatest(volume: volume, at: 0, into: buffer)
      return buffer.baseAddress.map { understudy_crc32c(0, $0, byteCount) } ?? 0
    }
  }
}

// MARK: Records

func fuzzJournalRecords(_ input: inout FuzzInput) {
  var sample = SampleJournal()
  do throws(JournalError) {
    var journal = try sample.open()
    var records = RecordMaker()
    try records.append(.syncBegan, offset: 1, to: journal)
    try records.append(.syncEnded, to: journal)
    while !input.isAtEnd {
      try appendOne(&input, &records, to: journal)
      switch input.number(UInt8.self) {
      case 0:
        try journal.fold(through: SequenceNumber(UInt64(input.number(UInt8.self))))
      case 1:
        try journal.enforceRetention(now: WallTime(milliseconds: input.number()))
      case 2:
        journal = try reopened(journal, sample)
        // A first sync goes on where its progress was saved.
        records.next = journal.state.durable.next
      case 3:
        readPoints(of: journal)
      case 4:
        // Another journal, whose first sync goes on with what follows.
        sample = SampleJournal()
        journal = try sample.open()
        records = RecordMaker()
        try records.append(.syncBegan, offset: 1, to: journal)
      case 5:
        try journal.saveProgress()
      default: break
      }
    }
  } catch {
    // Refused, with a reason.
  }
}

/// The journal opened again: nothing that was durable is lost or changed.
private func reopened(
  _ journal: StreamJournal,
  _ sample: SampleJournal
) throws(JournalError) -> StreamJournal {
  let again = try sample.open()
  if journal.state.isComplete {
    precondition(again.state == journal.state, "opening again tells another state")
  } else {
    // How far a first sync has come is saved now and then; it goes on from there.
    precondition(again.state.durable <= journal.state.durable, "more is durable than there was")
    precondition(
      again.state.durable < journal.state.durable
        || again.state.openSync == journal.state.openSync,
      "another sync is open"
    )
  }
  precondition(content(of: again) == content(of: journal), "opening again gives other content")
  return again
}

/// Appends one record with the fields the input says, and a payload of its length.
private func appendOne(
  _ input: inout FuzzInput,
  _ records: inout RecordMaker,
  to journal: StreamJournal
) throws(JournalError) {
  let kinds = StreamRecord.Kind.allCases
  let kind = kinds[Int(input.number(UInt8.self)) % kinds.count]
  let choice = input.number(UInt8.self)
  let volume = UInt16(choice & 3)
  let offset = choice & 4 == 0 ? UInt64(input.number(UInt16.self)) : input.number(UInt64.self)
  let length =
    choice & 8 == 0 ? UInt32(input.number(UInt8.self)) : UInt32(input.number(UInt16.self))
  records.time = WallTime(
    milliseconds: choice & 16 == 0
      ? records.time.milliseconds &+ Int64(input.number(UInt16.self))
      : input.number(Int64.self)
  )
  let hasPayload = kind == .write || kind == .mark
  let payload = hasPayload ? [UInt8](repeating: choice, count: Int(length)) : []
  try records.append(
    kind,
    volume: volume,
    offset: offset,
    length: length,
    payload: payload,
    to: journal
  )
}
