// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import ControlProtocol
import RecoveryModel

extension FakeAppliance {
  /// A disk of the fake: a megabyte that is another at each checkpoint.
  static func content(_ request: ArchiveRequest) -> [UInt8] {
    var state = UInt64(bitPattern: request.time.milliseconds) ^ UInt64(request.name.utf8.last ?? 0)
    return (0..<1 << 20).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
  }
}

extension FakeAppliance {
  static func entry(
    _ path: String,
    _ kind: FileListReply.Entry.Kind
  ) -> FileListReply.Entry {
    FileListReply.Entry(
      path: path,
      kind: kind,
      byteCount: 0,
      modified: WallTime(milliseconds: 0),
      accessed: WallTime(milliseconds: 0)
    )
  }
}
