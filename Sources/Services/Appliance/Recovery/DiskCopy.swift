// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Journal
internal import RecoveryModel
internal import Restic

/// One disk on its way into a file.
struct DiskCopy: Sendable {
  /// Where the disk comes from.
  enum Source: Sendable {
    case point(PointInTimeDisk)
    case archive(ResticRepository, RestoreRequest)

    var byteCount: UInt64 {
      switch self {
      case .point(let disk): disk.byteCount
      case .archive(_, let request): request.byteCount
      }
    }
  }

  /// Read and written at once.
  static let pieceByteCount = 1 << 20

  let source: Source
  let folder: String
  let path: String

  /// The name of a file that is not complete.
  static func temporaryPath(_ path: String) -> String { path + ".tmp" }

  func make(_ job: DiskJob<Void>) throws {
    let folder = try FileFolder(path: folder)
    let temporary = Self.temporaryPath(path)
    // What a killed appliance left is not gone on with: nobody knows how much of it is durable.
    unlink(temporary)
    let file = try File(path: temporary, creating: true, isDirect: true)
    try file.resize(to: source.byteCount)
    switch source {
    case .point(let disk):
      try disk.forEachPiece(of: Self.pieceByteCount) { position, bytes in
        try job.checkIsWanted()
        guard let piece = bytes.data else { return }
        try file.write(piece, at: position)
        job.count(piece.count)
      }
    case .archive(let repository, let request):
      try restore(request, from: repository, to: file, job)
    }
    try file.sync()
    guard rename(temporary, path) == 0 else {
      throw ControlFailure(
        status: 500,
        message: "cannot make \(path): \(String(cString: strerror(errno)))"
      )
    }
    try folder.sync()
  }

  private func restore(
    _ request: RestoreRequest,
    from repository: ResticRepository,
    to file: File,
    _ job: DiskJob<Void>
  ) throws {
    // Whole aligned pieces go past the page cache, and a piece of zeroes is left a hole.
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.pieceByteCount,
      alignment: 4096
    )
    defer { buffer.deallocate() }
    var (position, filled): (UInt64, Int) = (0, 0)
    func flush() throws {
      let piece = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
      guard position + UInt64(filled) <= request.byteCount else {
        throw ControlFailure(
          status: 500,
          message: "\(request.name) is longer in the repository than it was on the disk"
        )
      }
      if !piece.isZero {
        try file.write(piece, at: position)
        job.count(filled)
      }
      position += UInt64(filled)
      filled = 0
    }
    try repository.dump(request.snapshot, request.name, isWanted: { job.isWanted }) { bytes in
      var rest = bytes
      while !rest.isEmpty {
        let taken = min(rest.count, buffer.count - filled)
        UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: rest[..<taken])
        )
        filled += taken
        rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
        if filled == buffer.count { try flush() }
      }
    }
    try flush()
    guard position == request.byteCount else {
      throw ControlFailure(
        status: 500,
        message: "\(request.name) has \(position) bytes in the repository, not \(request.byteCount)"
      )
    }
  }
}

extension UnsafeRawBufferPointer {
  fileprivate var isZero: Bool {
    guard let start = baseAddress, let first, first == 0 else { return isEmpty }
    // Every byte is as the one before it.
    return memcmp(start, start + 1, count - 1) == 0
  }
}
