// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension ControlConnections {
  /// Sends a value as JSON, or nothing, and reads the answer as a value.
  func exchange<Reply: Decodable>(
    _ method: ControlMethod,
    _ path: String,
    query: [String: String],
    body: (any Encodable)?,
    timeout: Duration
  ) async throws(ControlError) -> Reply {
    let bytes: [UInt8]?
    do {
      bytes = try body.map { try ControlCoding.encode($0) }
    } catch {
      throw .malformed("the request to \(path) cannot be written as JSON: \(error)")
    }
    let answer = try await send(method, path: path, query: query, body: bytes, timeout: timeout)
    do {
      return try ControlCoding.decode(Reply.self, from: answer)
    } catch let error as DecodingError {
      throw .malformed(
        "the answer to \(path) is not understood: \(ControlCoding.words(for: error))"
      )
    } catch {
      throw .malformed("the answer to \(path) is not understood: \(error)")
    }
  }
}
