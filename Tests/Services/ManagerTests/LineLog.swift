// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Logging

/// A log whose lines can be waited for.
struct LineLog: LogHandler {
  let write: AsyncStream<String>.Continuation
  var metadata = Logger.Metadata()
  var logLevel = Logger.Level.info

  init(write: AsyncStream<String>.Continuation) { self.write = write }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { write.yield(event.message.description) }
}
