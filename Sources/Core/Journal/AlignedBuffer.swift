// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Memory for batches, aligned so that storage can take it directly.
///
/// It grows until it is released.
///
/// Sendable without a check by the compiler: every buffer is either a function's own, or part of
/// `Appender`, which only the holder of its lock reaches.
@safe final class AlignedBuffer: @unchecked Sendable {
  static let alignment = 4096
  private var memory: UnsafeMutableRawBufferPointer
  /// What was asked for last.
  private(set) var content: UnsafeMutableRawBufferPointer

  init() {
    unsafe memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    unsafe content = memory
  }

  deinit { unsafe memory.deallocate() }

  /// The first `byteCount` bytes; their content is whatever was there before.
  ///
  /// Valid until the next call.
  func bytes(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    if unsafe memory.count < byteCount {
      unsafe memory.deallocate()
      unsafe memory = .allocate(
        byteCount: byteCount.roundedUp(to: Self.alignment),
        alignment: Self.alignment
      )
    }
    unsafe content = UnsafeMutableRawBufferPointer(rebasing: memory[..<byteCount])
    return unsafe content
  }

  /// Keeps no memory until the next call of ``bytes(_:)``.
  func release() {
    unsafe memory.deallocate()
    unsafe memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    unsafe content = memory
  }
}

extension Int {
  /// The next multiple of `unit`, a power of two; the number itself if it is one.
  func roundedUp(to unit: Int) -> Int { (self + unit - 1) & ~(unit - 1) }
}
