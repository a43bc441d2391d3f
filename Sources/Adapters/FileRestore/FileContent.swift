// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// A file's content, or a folder's archive, as it comes out of the virtual machine.
///
/// No more than a pipe's worth of it is in memory. One call at a time.
package final class FileContent: Sendable {
  /// The bytes there will be; nil for an archive, whose length is not known before.
  package let byteCount: UInt64?

  private let pipe: String
  private let reader: FileReader
  /// nil once closed.
  private let descriptor: Mutex<Int32?>

  init(byteCount: UInt64?, pipe: String, descriptor: Int32, reader: FileReader) {
    self.byteCount = byteCount
    self.pipe = pipe
    self.reader = reader
    self.descriptor = Mutex(descriptor)
  }

  deinit { close() }

  /// Waits for the next bytes; nil at the end.
  ///
  /// - Throws: If the content could not be read to its end: what came before is not all of it.
  package func next() throws(FileRestoreError) -> [UInt8]? {
    guard let open = descriptor.withLock({ $0 }) else { return nil }
    var isAnswered = false
    while true {
      var buffer = [UInt8](repeating: 0, count: 1 << 18)
      let count = read(open, &buffer, buffer.count)
      if count > 0 { return Array(buffer[..<count]) }
      if isAnswered {
        try end(isAnswered: true)
        return nil
      }
      do throws(FileRestoreError) { isAnswered = try reader.awaitContent(open) } catch {
        // The command has ended with an error.
        try? end(isAnswered: true)
        throw error
      }
    }
  }

  /// Gives up what was not read yet.
  package func close() { try? end(isAnswered: false) }

  private func end(isAnswered: Bool) throws(FileRestoreError) {
    let open = descriptor.withLock { descriptor in
      defer { descriptor = nil }
      return descriptor
    }
    guard let open else { return }
    Glibc.close(open)
    unlink(pipe)
    try reader.finishContent(isAnswered: isAnswered)
  }
}
