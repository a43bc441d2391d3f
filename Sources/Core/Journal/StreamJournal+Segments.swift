// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Synchronization

// A segment's file is never made in the path of an append, if `maintain()` keeps up: one that is
// empty, has its header and is durable stands ready. It comes from a retired one, or was written
// with zeroes first: a write to blocks that were written before needs no change of metadata.
//
// A retired file gets another name, durably, before anything in it is overwritten. It is not
// overwritten while a read that began before may be reading it.

extension StreamJournal {
  /// Makes the next segment ready, from a spare file if there is one.
  func makeSegmentReady() throws(JournalError) {
    try making.withLock { _ throws(JournalError) in
      let (isReady, ordinal, byteCount, volumes) = contents.withLock {
        (
          $0.prepared != nil, $0.lastOrdinal + 1, $0.settings.segmentByteCount, $0.history.volumes
        )
      }
      guard !isReady else { return }
      let spare = contents.withLock { $0.takeSpare() }
      let header = SegmentHeader(
        stream: stream,
        ordinal: ordinal,
        salt: salts(),
        volumeSizes: volumes.bytes
      )
      do throws(StorageError) {
        let file: any StorageFile
        if let spare {
          file = spare.file
        } else {
          file = try emptyFile("segment.tmp", byteCount: byteCount)
        }
        try name(file, spare?.name ?? "segment.tmp", header)
        let segment = Segment(header: header, file: file, fileByteCount: byteCount)
        contents.withLock { contents in
          contents.lastOrdinal = ordinal
          contents.prepared = segment
        }
      } catch {
        // It may have taken the last room there was, and a fold needs some to make more.
        try? folder.remove(spare?.name ?? "segment.tmp")
        throw failed(error)
      }
    }
  }

  /// A file gets the name of a segment only once its header is durable.
  private func name(
    _ file: any StorageFile,
    _ name: String,
    _ header: SegmentHeader
  ) throws(StorageError) {
    let buffer = AlignedBuffer()
    let bytes = unsafe buffer.bytes(SegmentHeader.byteCount)
    unsafe header.encode(into: bytes)
    unsafe try file.write(UnsafeRawBufferPointer(bytes), at: 0)
    try file.sync()
    try folder.rename(name, to: header.fileName)
    try folder.sync()
  }

  private func emptyFile(
    _ name: String,
    byteCount: UInt64
  ) throws(StorageError) -> any StorageFile {
    let file = try folder.open(name, creating: true)
    try file.resize(to: 0)
    try file.reserve(byteCount)
    return file
  }

  /// Writes a file of zeroes for a segment to come.
  func makeSpare() throws(JournalError) {
    let (byteCount, number) = contents.withLock { contents in
      contents.lastSpareNumber += 1
      return (contents.settings.segmentByteCount, contents.lastSpareNumber)
    }
    let buffer = AlignedBuffer()
    let zeroes = unsafe buffer.bytes(Int(min(byteCount, 1 << 20)))
    unsafe zeroes.initializeMemory(as: UInt8.self, repeating: 0)
    do {
      let file = try emptyFile("spare.tmp", byteCount: byteCount)
      var position: UInt64 = 0
      while position < byteCount {
        let step = Int(min(UInt64(zeroes.count), byteCount - position))
        unsafe try file.write(UnsafeRawBufferPointer(rebasing: zeroes[..<step]), at: position)
        position += UInt64(step)
      }
      try file.sync()
      try folder.rename("spare.tmp", to: Spare.name(number))
      try folder.sync()
      contents.withLock {
        $0.spares.append(
          Spare(name: Spare.name(number), file: file, byteCount: byteCount, ticket: 0)
        )
      }
    } catch {
      try? folder.remove("spare.tmp")
      throw failed(error)
    }
  }

  /// Puts the files of segments that are no longer needed aside, or removes them.
  func retire(_ segments: [Segment]) throws(JournalError) {
    guard !segments.isEmpty else { return }
    var spares: [Spare] = []
    let (room, size, ticket) = contents.withLock { contents in
      (
        contents.spareRoom,
        contents.settings.segmentByteCount, contents.lastTicket
      )
    }
    try stored { () throws(StorageError) in
      for segment in segments {
        if segment.isIndexed { try folder.remove(segment.indexName) }
        guard segment.fileByteCount == size, spares.count < room else {
          try folder.remove(segment.name)
          continue
        }
        let number = contents.withLock { contents in
          contents.lastSpareNumber += 1
          return contents.lastSpareNumber
        }
        // What folding read is in memory, and in the way of direct writes.
        try segment.file.forgetCache()
        try folder.rename(segment.name, to: Spare.name(number))
        spares.append(
          Spare(name: Spare.name(number), file: segment.file, byteCount: size, ticket: ticket)
        )
      }
      try folder.sync()
    }
    contents.withLock { $0.spares += spares }
  }

  /// Gives back the room of files that hold nothing.
  func removeSpares() throws(JournalError) {
    let names = making.withLock { _ in
      contents.withLock { contents in
        var names = contents.spares.map(\.name)
        contents.spares = []
        if let prepared = contents.prepared { names.append(prepared.name) }
        contents.prepared = nil
        return names
      }
    }
    try remove(names)
  }

  func remove(_ names: [String]) throws(JournalError) {
    guard !names.isEmpty else { return }
    try stored { () throws(StorageError) in
      for name in names { try folder.remove(name) }
      try folder.sync()
    }
  }
}
