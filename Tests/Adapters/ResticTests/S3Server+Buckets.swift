// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Processes
import Testing

/// What a bucket's owner does.
extension S3Server {
  /// An object as it once was, or the mark that it was deleted.
  struct Version: Equatable {
    var key: String
    var identifier: String
    var isMarker: Bool
  }

  /// A new bucket's name; with `days`, its objects are locked for so long.
  func makeBucket(lockedForDays days: Int? = nil) throws -> String {
    let bucket = "b" + UUID().uuidString.lowercased()
    let lock = days.map { _ in ["-H", "x-amz-bucket-object-lock-enabled: true"] } ?? []
    try succeed(["-X", "PUT"] + lock, bucket)
    if let days {
      let rule = "<Mode>COMPLIANCE</Mode><Days>\(days)</Days>"
      let retention = "<Rule><DefaultRetention>\(rule)</DefaultRetention></Rule>"
      let text =
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\(retention)"
        + "</ObjectLockConfiguration>"
      try succeed(
        ["-X", "PUT", "-H", "Content-Type: application/xml", "--data", text],
        "\(bucket)?object-lock="
      )
    }
    return bucket
  }

  /// All that the bucket ever had, and has not let go; at most 1000.
  func versions(in bucket: String) throws -> [Version] {
    try succeed([], "\(bucket)?versions=").matches(
      of: /<(Version|DeleteMarker)><Key>([^<]+)<\/Key><VersionId>([^<]+)<\/VersionId>/
    ).map { match in
      Version(
        key: String(match.output.2),
        identifier: String(match.output.3),
        isMarker: match.output.1 == "DeleteMarker"
      )
    }
  }

  /// The server's answer to deleting one for good.
  func delete(_ version: Version, in bucket: String) throws -> (status: String, text: String) {
    try call(["-X", "DELETE"], "\(bucket)/\(version.key)?versionId=\(version.identifier)")
  }

  @discardableResult
  private func succeed(_ arguments: [String], _ path: String) throws -> String {
    let (status, text) = try call(arguments, path)
    try #require(status == "200", "\(path): \(status) \(text)")
    return text
  }

  private func call(
    _ arguments: [String],
    _ path: String
  ) throws -> (status: String, text: String) {
    let signed = [
      "--aws-sigv4", "aws:amz:default:s3", "--user", "\(Self.accessKey):\(Self.secretKey)",
      // The curl of Debian 12 signs bodies otherwise than the server does.
      "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
    ]
    let (_, printed) = try ChildProcess.run(
      ["curl", "-s", "--max-time", "60", "-w", "\n%{http_code}"] + signed + arguments
        + ["\(endpoint)/\(path)"]
    )
    return (String(printed.suffix(3)), String(printed.dropLast(4)))
  }
}
