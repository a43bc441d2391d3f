// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// What one VM's stream says and what the VM's disks were when it said so: what every journal is
/// compared with.
struct StreamModel {
  /// One record as the sender made it.
  struct Entry {
    let record: StreamRecord
    let payload: [UInt8]
  }

  /// The VM's disks as of one record.
  struct Snapshot {
    let sequence: UInt64
    /// The event at which it was taken.
    let event: Int
    /// Everything that the tap had taken.
    let content: [[UInt8]]
    /// Writes under way then: a sync may have read them from the disk already, or not.
    let underWay: [GuestWrite]
    let checkpoint: Checkpoint?
  }

  /// Entry `n` has the number `n + 1`.
  private(set) var entries: [Entry] = []
  /// By number, growing.
  private(set) var snapshots: [Snapshot] = []
  /// What the journal gave when its first sync had ended, with its number.
  ///
  /// From there on the entries say what it must give.
  private(set) var base: (sequence: UInt64, content: [[UInt8]])?

  var last: UInt64 { UInt64(entries.count) }

  mutating func append(_ record: StreamRecord, _ payload: [UInt8]) {
    entries.append(Entry(record: record, payload: payload))
  }

  mutating func add(_ snapshot: Snapshot) { snapshots.append(snapshot) }

  /// Numbers begin anew after this one.
  mutating func cut(after sequence: UInt64) {
    guard sequence < last else { return }
    entries.removeLast(entries.count - Int(sequence))
    while let last = snapshots.last, last.sequence > sequence { snapshots.removeLast() }
  }

  mutating func begin(at sequence: UInt64, content: [[UInt8]]) { base = (sequence, content) }
  mutating func forgetBase() { base = nil }

  func snapshot(at sequence: UInt64) -> Snapshot? { snapshots.last { $0.sequence == sequence } }

  /// What the disks are as of a number, by the records alone; nil before the base.
  func content(asOf sequence: UInt64) -> [[UInt8]]? {
    guard let base, sequence >= base.sequence, sequence <= last else { return nil }
    var content = base.content
    for entry in entries[Int(base.sequence)..<Int(sequence)] {
      let record = entry.record
      let range = Int(record.offset)..<Int(record.offset) + Int(record.length)
      switch record.kind {
      case .write: content[Int(record.volume)].replaceSubrange(range, with: entry.payload)
      case .zeroes:
        content[Int(record.volume)].replaceSubrange(
          range,
          with: [UInt8](repeating: 0, count: range.count)
        )
      case .syncBegan:
        guard let sizes = VolumeSizes(decoding: entry.payload) else { continue }
        for volume in content.indices { content[volume].resize(to: Int(sizes[volume])) }
      case .mark, .syncEnded: break
      }
    }
    return content
  }

  /// The kind of the sync that is open after a record; 0 if none.
  func openSync(at sequence: UInt64) -> UInt64 {
    for entry in entries[..<Int(sequence)].reversed() {
      switch entry.record.kind {
      case .syncBegan: return entry.record.offset
      case .syncEnded: return 0
      case .write, .zeroes, .mark: continue
      }
    }
    return 0
  }

  /// The marks outside syncs among the records `first...last`, oldest first.
  func checkpoints(from first: UInt64, through last: UInt64) -> [(UInt64, Checkpoint)] {
    guard last > 0 else { return [] }
    var isSyncing = false
    var found: [(UInt64, Checkpoint)] = []
    for entry in entries[..<Int(min(last, self.last))] {
      let record = entry.record
      switch record.kind {
      case .syncBegan: isSyncing = true
      case .syncEnded: isSyncing = false
      case .mark where !isSyncing && record.sequence.rawValue >= first:
        guard let checkpoint = record.checkpoint(tag: entry.payload) else { continue }
        found.append((record.sequence.rawValue, checkpoint))
      case .write, .zeroes, .mark: break
      }
    }
    return found
  }
}

extension StreamModel.Snapshot {
  /// The first place at which disks differ from the snapshot in a way that no write under way
  /// explains; nil if there is none.
  func difference(_ found: [[UInt8]]) -> String? {
    for (volume, content) in content.enumerated() where found[volume] != content {
      guard found[volume].count == content.count else {
        return "volume \(volume) has \(found[volume].count) bytes, not \(content.count)"
      }
      for place in content.indices where found[volume][place] != content[place] {
        let isExplained = underWay.contains { write in
          write.volume == volume && write.range.contains(place)
            && found[volume][place] == write.bytes?[place - write.offset] ?? 0
        }
        if !isExplained {
          return "volume \(volume) byte \(place) is \(found[volume][place]),"
            + " not \(content[place])"
        }
      }
    }
    return nil
  }
}

extension [UInt8] {
  /// Cuts the end off, or adds zeroes.
  fileprivate mutating func resize(to byteCount: Int) {
    removeLast(Swift.max(0, count - byteCount))
    append(contentsOf: [UInt8](repeating: 0, count: byteCount - count))
  }
}
