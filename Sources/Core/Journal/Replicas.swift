// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// The replicas of a journal's volumes, by number, and how many bytes each has room for.
///
/// A volume that is taken away keeps its replica for as long as points have it, and an empty one of
/// the same length after that.
struct Replicas: Sendable {
  private let files: [any StorageFile]
  private let byteCounts: [UInt64]

  init(_ files: [any StorageFile]) throws(JournalError) {
    var byteCounts: [UInt64] = []
    for file in files {
      byteCounts.append(try stored { () throws(StorageError) in try file.byteCount() })
    }
    self.files = files
    self.byteCounts = byteCounts
  }

  var count: Int { files.count }
  var indices: Range<Int> { files.indices }
  subscript(_ volume: Int) -> any StorageFile { files[volume] }

  /// Bytes there is room for in each.
  var room: VolumeSizes { VolumeSizes(byteCounts) }

  func hasRoom(for volumes: VolumeSizes) -> Bool {
    volumes.bytes.count <= count && volumes.bytes.indices.allSatisfy { volumes[$0] <= room[$0] }
  }

  func sync() throws(StorageError) {
    for file in files { try file.sync() }
  }

  func forgetCache() throws(StorageError) {
    for file in files { try file.forgetCache() }
  }

  /// Empties what a volume had that is not there any more, and gives its space back.
  func empty(_ volume: Int) throws(StorageError) {
    guard byteCounts[volume] > 0 else { return }
    try files[volume].punchHole(at: 0, count: byteCounts[volume])
    try files[volume].sync()
  }
}
