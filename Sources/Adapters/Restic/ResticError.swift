// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Why restic did not do what it was asked.
///
/// Texts are for the person who asked.
package enum ResticError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no repository at the place, as far as can be said.
  case noRepository(String)
  /// There is a repository at the place already.
  case alreadyThere(String)
  /// The place does not answer.
  case unreachable(String)
  /// The place does not open to the keys it was given.
  case refused(String)
  /// The repository has another password.
  case wrongPassword(String)
  /// Another process has the repository to itself for now.
  case locked(String)
  /// It was not wanted any more; restic has ended, and nothing was added.
  case cancelled
  /// restic is not installed, ended early, or says something else.
  case failed(String)

  package var description: String {
    switch self {
    case .noRepository(let text), .alreadyThere(let text), .unreachable(let text),
      .refused(let text), .wrongPassword(let text), .locked(let text), .failed(let text):
      text
    case .cancelled: "It was ended because it was not wanted any more."
    }
  }

  /// Understands what restic printed before it ended without success.
  ///
  /// Its exit status is 1 whatever happened, so its words are all there is (release 0.14).
  init(output: String, location: String) {
    let text = output.split(separator: "\n").suffix(4).joined(separator: " ")
      .replacing("Fatal: ", with: "")
    if Self.has(output, Self.refusals) {
      self = .refused("\(location) does not open to this access key: \(text)")
    } else if Self.has(output, Self.silences) {
      self = .unreachable("\(location) cannot be reached: \(text)")
    } else if output.contains("wrong password or no key found") {
      self = .wrongPassword("The repository \(location) has another password.")
    } else if output.contains("config file already exists")
      || output.contains("config already initialized")
    {
      self = .alreadyThere("There is a repository at \(location) already.")
    } else if output.contains("Is there a repository at the following location?") {
      self = .noRepository("There is no repository at \(location): \(text)")
    } else if output.contains("unable to create lock in backend: repository is already locked") {
      self = .locked("The repository \(location) is in use: \(text)")
    } else {
      self = .failed("restic at \(location): \(text.isEmpty ? "it ended without a word" : text)")
    }
  }

  /// As restic's S3 client has them, whatever the server says.
  private static let refusals = [
    "The access key ID you provided does not exist",
    "The request signature we calculated does not match", "Access Denied",
  ]
  private static let silences = [
    "connection refused", "no such host", "no route to host", "network is unreachable",
    "i/o timeout",
  ]

  private static func has(_ output: String, _ words: [String]) -> Bool {
    words.contains { output.contains($0) }
  }
}
