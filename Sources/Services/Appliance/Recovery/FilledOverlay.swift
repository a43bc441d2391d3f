// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation
internal import Synchronization

/// A qcow2 file that is filled with clusters of a disk before anybody uses it.
///
/// It is written without a look at the disk below, which a VM may be writing to: each cluster comes
/// whole. Where they lie is known to this process alone until the file is sealed; what a killed
/// process left is thrown away.
final class FilledOverlay: Sendable {
  private static let clusterByteCount = OverlayRequest.clusterByteCount

  let request: OverlayRequest
  private let file: File
  /// The cluster of the file, from 1 on, by the disk's.
  private let places = Mutex<[UInt64: UInt64]>([:])

  /// The name of a file that is not complete.
  static func temporaryPath(_ path: String) -> String { path + ".tmp" }

  /// Begins an empty one.
  init(_ request: OverlayRequest) throws {
    var request = request
    request.wanted = []
    self.request = request
    let path = Self.temporaryPath(request.path)
    unlink(path)
    file = try File(path: path, creating: true)
  }

  /// The clusters that are not there, of those that are wanted.
  func missing(of wanted: [ChangesReply.Extent]) throws -> [ChangesReply.Extent] {
    for extent in wanted { try check(extent.offset, extent.count) }
    return places.withLock { places in
      var missing: [ChangesReply.Extent] = []
      for extent in wanted {
        for cluster in Self.clusters(extent.offset, extent.count) where places[cluster] == nil {
          let offset = cluster * Self.clusterByteCount
          let end = min(offset + Self.clusterByteCount, request.byteCount)
          if let last = missing.last, last.offset + last.count == offset {
            missing[missing.count - 1].count += end - offset
          } else {
            missing.append(ChangesReply.Extent(offset: offset, count: end - offset))
          }
        }
      }
      return missing
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
    try check(offset, UInt64(bytes.count))
    try places.withLock { places in
      for (index, cluster) in Self.clusters(offset, UInt64(bytes.count)).enumerated() {
        let place = places[cluster] ?? UInt64(places.count) + 1
        let start = index * Int(Self.clusterByteCount)
        let end = min(start + Int(Self.clusterByteCount), bytes.count)
        try file.write(
          UnsafeRawBufferPointer(rebasing: bytes[start..<end]),
          at: place * Self.clusterByteCount
        )
        places[cluster] = place
      }
    }
  }

  /// Makes it an image, complete and durable, under its name.
  func seal() throws {
    try places.withLock { places in
      guard
        let tables = OverlayTables(
          places: places,
          byteCount: request.byteCount,
          basePath: request.basePath,
          baseFormat: request.baseFormat
        )
      else { throw ControlFailure(status: 400, message: "\(request.basePath) is too long") }
      try tables.header.withUnsafeBytes { try file.write($0, at: 0) }
      try tables.tables.withUnsafeBytes {
        try file.write($0, at: (UInt64(places.count) + 1) * Self.clusterByteCount)
      }
      try file.sync()
    }
    guard rename(Self.temporaryPath(request.path), request.path) == 0 else {
      throw ControlFailure(
        status: 500,
        message: "cannot make \(request.path): \(String(cString: strerror(errno)))"
      )
    }
    try FileFolder(path: URL(filePath: request.path).deletingLastPathComponent().path).sync()
  }

  /// Whole clusters of the disk, or its last one.
  private func check(_ offset: UInt64, _ count: UInt64) throws {
    let end = offset.addingReportingOverflow(count)
    guard count > 0, !end.overflow, end.partialValue <= request.byteCount,
      offset % Self.clusterByteCount == 0,
      end.partialValue % Self.clusterByteCount == 0 || end.partialValue == request.byteCount
    else {
      throw ControlFailure(status: 400, message: "these are no whole clusters of the disk")
    }
  }

  private static func clusters(_ offset: UInt64, _ count: UInt64) -> Range<UInt64> {
    offset / clusterByteCount..<(offset + count + clusterByteCount - 1) / clusterByteCount
  }
}
