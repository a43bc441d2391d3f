// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CZstd
internal import Foundation

/// A small file as text: zstd, then Base64.
///
/// A UEFI's variables, mostly blank, take some kilobytes.
enum PackedFile {
  /// More than that is no file of ours.
  private static let sizeLimit = 64 << 20

  static func pack(_ content: [UInt8]) -> String {
    let bound = ZSTD_compressBound(content.count)
    let packed = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      count = ZSTD_compress(buffer.baseAddress, bound, content, content.count, 3)
      precondition(ZSTD_isError(count) == 0, "zstd has room for everything")
    }
    return Data(packed).base64EncodedString()
  }

  /// nil of what ``pack(_:)`` did not make.
  static func unpack(_ text: String) -> [UInt8]? {
    guard let packed = Data(base64Encoded: text) else { return nil }
    let bytes = [UInt8](packed)
    let size = ZSTD_getFrameContentSize(bytes, bytes.count)
    guard size <= UInt64(sizeLimit) else { return nil }
    var isWhole = false
    let content = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      let found = ZSTD_decompress(buffer.baseAddress, Int(size), bytes, bytes.count)
      isWhole = ZSTD_isError(found) == 0 && found == Int(size)
      count = isWhole ? found : 0
    }
    return isWhole ? content : nil
  }
}
