// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLZ4
internal import CZstd
internal import RecoveryModel
internal import ReplicationProtocol

/// Compresses and decompresses payloads; keeps what the library needs between two calls.
///
/// Used by one thread at a time.
final class PayloadCodec {
  /// Zstandard's level: its default, for a link that is slower than the work.
  private static let zstdLevel: Int32 = 3

  private var compressor: OpaquePointer?
  private var decompressor: OpaquePointer?

  deinit {
    ZSTD_freeCCtx(compressor)
    ZSTD_freeDCtx(decompressor)
  }

  /// The most bytes that `count` bytes can become.
  static func bound(_ compression: PayloadCompression, _ count: Int) -> Int {
    switch compression {
    case .none: count
    case .lz4: Int(LZ4_compressBound(Int32(count)))
    case .zstd: ZSTD_compressBound(count)
    }
  }

  /// Compresses `source` to the start of `target`; `acceleration` is lz4's alone.
  ///
  /// - Returns: The bytes it became; 0 if it did not fit or went wrong.
  func compress(
    _ source: UnsafeRawBufferPointer,
    with compression: PayloadCompression,
    acceleration: Int,
    into target: UnsafeMutableRawBufferPointer
  ) -> Int {
    switch compression {
    case .none:
      return 0
    case .lz4:
      let count = LZ4_compress_fast(
        source.baseAddress,
        target.baseAddress,
        Int32(source.count),
        Int32(target.count),
        Int32(acceleration)
      )
      return Int(count)
    case .zstd:
      compressor = compressor ?? ZSTD_createCCtx()
      let count = ZSTD_compressCCtx(
        compressor,
        target.baseAddress,
        target.count,
        source.baseAddress,
        source.count,
        Self.zstdLevel
      )
      return ZSTD_isError(count) == 0 ? count : 0
    }
  }

  /// Decompresses `source` to exactly `target`.
  ///
  /// - Throws: ``ReplicationError/malformed(_:)`` if it is anything else.
  func decompress(
    _ source: UnsafeRawBufferPointer,
    with compression: PayloadCompression,
    into target: UnsafeMutableRawBufferPointer
  ) throws(ReplicationError) {
    let count: Int
    switch compression {
    case .none:
      throw .malformed(.data)
    case .lz4:
      count = Int(
        LZ4_decompress_safe(
          source.baseAddress,
          target.baseAddress,
          Int32(source.count),
          Int32(target.count)
        )
      )
    case .zstd:
      decompressor = decompressor ?? ZSTD_createDCtx()
      let found = ZSTD_decompressDCtx(
        decompressor,
        target.baseAddress,
        target.count,
        source.baseAddress,
        source.count
      )
      count = ZSTD_isError(found) == 0 ? found : -1
    }
    guard count == target.count else { throw .malformed(.data) }
  }
}
