// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Bytes that are passed on as they come, never held as a whole.
package struct ControlContent: Sendable {
  /// Parts of the content, made when they are asked for, once.
  package typealias Parts = any AsyncSequence<[UInt8], any Error> & Sendable

  /// nil if it is not known before.
  package var byteCount: Int?
  /// An error means that what came before is not all there is.
  package var parts: Parts

  package init(byteCount: Int?, parts: Parts) {
    self.byteCount = byteCount
    self.parts = parts
  }
}
