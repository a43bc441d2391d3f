// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Foundation
internal import Processes

/// Asks an S3 server until when what is below a place in a bucket is locked.
///
/// Requests are made and signed by curl, which gets the key through its input: nobody who lists
/// processes sees it.
package struct BucketLock: Sendable {
  /// Why nobody can say, in words.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// Each has a line in what one curl may be given at once.
  private static let objectsAtOnce = 100
  /// Questions that are open at a time: most of each is waiting.
  private static let width = 16
  /// For one curl, in seconds.
  private static let limit = 20

  private let bucket: String
  private let folder: String
  private let accessKey: String
  private let secretKey: String
  private let region: String

  /// A place as restic names it, `s3:https://host/bucket/path`; nil if it is none on S3.
  ///
  /// `region` may be empty.
  package init?(location: String, accessKey: String, secretKey: String, region: String) {
    guard let match = location.wholeMatch(of: /s3:(https?:\/\/[^\/]+\/[^\/]+)\/?(.*)/) else {
      return nil
    }
    bucket = String(match.1)
    let path = match.2.drop { $0 == "/" }
    folder = path.isEmpty || path.hasSuffix("/") ? String(path) : path + "/"
    self.accessKey = accessKey
    self.secretKey = secretKey
    self.region = region.isEmpty ? "us-east-1" : region
  }

  /// The moment up to which the server lets go of none of the objects; nil if one is not locked.
  ///
  /// `ignored` are names of folders below the place. Blocks for as long as the server takes;
  /// `isWanted` is asked before each request.
  ///
  /// - Throws: What keeps the server from saying so of every object.
  package func end(
    ignoring ignored: Set<String>,
    isWanted: () -> Bool
  ) throws(Failure) -> Date? {
    var end: Date?
    var rest = try objects(isWanted).filter { key in
      !ignored.contains { key.hasPrefix("\(folder)\($0)/") }
    }[...]
    while !rest.isEmpty {
      guard let ends = try ends(of: rest.prefix(Self.objectsAtOnce), isWanted) else { return nil }
      end = (ends + [end].compactMap(\.self)).min()
      rest = rest.dropFirst(Self.objectsAtOnce)
    }
    return end
  }

  /// The keys of all objects below the place.
  private func objects(_ isWanted: () -> Bool) throws(Failure) -> [String] {
    var keys: [String] = []
    var token: String?
    repeat {
      // In the order in which it is signed.
      var query = "list-type=2&prefix=\(Self.encoded(folder, keeping: ""))"
      if let token { query = "continuation-token=\(Self.encoded(token, keeping: ""))&\(query)" }
      let answer = try ask(["\(bucket)?\(query)"], [], isWanted)
      guard answer.contains("<ListBucketResult") else {
        throw Failure(description: "\(bucket) does not list its objects: \(answer.prefix(500))")
      }
      keys += answer.matches(of: /<Key>([^<]+)<\/Key>/).map { String($0.output.1) }
      token = answer.firstMatch(of: /<NextContinuationToken>([^<]+)</).map { String($0.output.1) }
    } while token != nil
    return keys
  }

  /// Until when each of the objects is locked; nil if one is not.
  private func ends(
    of keys: ArraySlice<String>,
    _ isWanted: () -> Bool
  ) throws(Failure) -> [Date]? {
    let urls = keys.map { "\(bucket)/\(Self.encoded($0, keeping: "/"))" }
    let heads = try ask(urls, ["head"], isWanted)
    guard heads.matches(of: /(?m)^HTTP\/\S+ 200\b/).count == keys.count else {
      throw Failure(description: "\(bucket) does not tell of its objects: \(heads.prefix(500))")
    }
    let header = /(?mi)^x-amz-object-lock-retain-until-date: *(\S+)/
    var ends: [Date] = []
    for match in heads.matches(of: header) {
      // The server may give any number of digits below the second.
      let text = match.output.1.replacing(/\.\d+/, with: "")
      guard let end = try? Date(text, strategy: .iso8601) else {
        throw Failure(description: "\(match.output.1) is no time")
      }
      ends.append(end)
    }
    return ends.count == keys.count ? ends : nil
  }

  private func ask(
    _ urls: [String],
    _ settings: [String],
    _ isWanted: () -> Bool
  ) throws(Failure) -> String {
    guard isWanted() else { throw Failure(description: "\(bucket) takes too long to answer") }
    let lines =
      settings
      + [
        "silent", "show-error", "no-progress-meter", "parallel", "parallel-max = \(Self.width)",
        "user = \(Self.quoted("\(accessKey):\(secretKey)"))",
        "aws-sigv4 = \(Self.quoted("aws:amz:\(region):s3"))",
        // The curl of Debian 12 signs the hash of a body otherwise than servers do.
        "header = \(Self.quoted("x-amz-content-sha256: UNSIGNED-PAYLOAD"))",
      ] + urls.map { "url = \(Self.quoted($0))" }
    do {
      return try ChildProcess.run(
        ["timeout", "\(Self.limit)", "curl", "--disable", "--globoff", "--config", "-"],
        input: lines.joined(separator: "\n")
      ).printed
    } catch { throw Failure(description: error.description) }
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  private static func encoded(_ text: String, keeping kept: String) -> String {
    let plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return text.addingPercentEncoding(withAllowedCharacters: .init(charactersIn: plain + kept))
      ?? text
  }
}
