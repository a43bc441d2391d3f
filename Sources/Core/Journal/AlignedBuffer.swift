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
  /// Where the memory comes from, if it matters.
  private let folder: (any StorageFolder)?
  private var memory: UnsafeMutableRawBufferPointer
  /// What was asked for last.
  private(set) var content: UnsafeMutableRawBufferPointer

  /// A buffer in memory that suits a folder's files, or in any.
  init(for folder: (any StorageFolder)? = nil) {
    self.folder = folder
    unsafe memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    unsafe content = memory
  }

  deinit { deallocate() }

  /// The first `byteCount` bytes; their content is whatever was there before.
  ///
  /// Valid until the next call.
  func bytes(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    if unsafe memory.count < byteCount {
      deallocate()
      unsafe memory =
        folder?.allocate(byteCount)
        ?? .allocate(
          byteCount: byteCount.roundedUp(to: Self.alignment),
          alignment: Self.alignment
        )
    }
    unsafe content = UnsafeMutableRawBufferPointer(rebasing: memory[..<byteCount])
    return unsafe content
  }

  /// Keeps no memory until the next call of ``bytes(_:)``.
  func release() {
    deallocate()
    unsafe memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    unsafe content = memory
  }

  private func deallocate() {
    guard unsafe memory.baseAddress != nil else { return }
    if let folder { unsafe folder.deallocate(memory) } else { unsafe memory.deallocate() }
  }
}

extension Int {
  /// The next multiple of `unit`, a power of two; the number itself if it is one.
  package func roundedUp(to unit: Int) -> Int { (self + unit - 1) & ~(unit - 1) }
}
