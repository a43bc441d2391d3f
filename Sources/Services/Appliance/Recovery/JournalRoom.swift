// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import FileStorage
internal import Foundation

/// Whether there is room where a stream's files are to go.
struct JournalRoom {
  private var needed: [Int: (byteCount: UInt64, folder: String)] = [:]

  /// Counts a file that goes to a folder, unless it is on the same file system.
  mutating func add(_ path: String, byteCount: UInt64, to newPath: String) throws {
    let folder = Self.existing((newPath as NSString).deletingLastPathComponent)
    guard let there = Self.device(folder) else {
      throw ControlFailure(status: 409, message: "\(folder) is not there")
    }
    guard Self.device(path) != there else { return }
    needed[there, default: (0, folder)].byteCount += byteCount
  }

  /// Throws 409 if one of the file systems has less room.
  func check() throws {
    for (byteCount, folder) in needed.values {
      let free = try FileFolder(existing: folder).freeByteCount() ?? .max
      guard free < byteCount else { continue }
      throw ControlFailure(
        status: 409,
        message: "there is no room for \(byteCount) bytes at \(folder): \(free) are free"
      )
    }
  }

  /// The folder, or the nearest one above it that is there.
  private static func existing(_ folder: String) -> String {
    var folder = folder
    while !FileManager.default.fileExists(atPath: folder), folder != "/" {
      folder = (folder as NSString).deletingLastPathComponent
    }
    return folder
  }

  private static func device(_ path: String) -> Int? {
    let found = try? FileManager.default.attributesOfItem(atPath: path)
    return (found?[.systemNumber] as? NSNumber)?.intValue
  }
}
