// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import RecoveryModel

// The comparison of two sessions for files as the API shows it.

extension APIValue {
  static func comparison(_ reply: FileComparisonReply, of session: String) -> APIValue {
    .object(
      "FileComparisonApi",
      [
        "FlrSessionIdentifier": .string(session),
        "FromSessionIdentifier": .string(reply.request.before.rawValue),
        "Path": .string(reply.request.folder),
        "IsDone": .bool(reply.isDone),
        "EntriesLookedAt": .integer(reply.lookedAtCount),
        "FileSystems": .list(
          reply.fileSystems.map { system in
            .object(
              "FileSystemDifferenceApi",
              [
                "Name": .string(system.name),
                "Added": .integer(system.addedCount),
                "Removed": .integer(system.removedCount),
                "Changed": .integer(system.changedCount),
              ]
            )
          },
          element: "FileSystemDifferenceApi"
        ),
        "Problems": .texts(reply.problems),
        "ListedCount": .integer(reply.listedCount),
        "Changes": .list(reply.changes.map(fileChange), element: "FileChangeApi"),
      ]
    )
  }

  private static func fileChange(_ change: FileComparisonReply.Change) -> APIValue {
    let kind =
      switch (change.before, change.after) {
      case (nil, _): "Added"
      case (_, nil): "Removed"
      default: "Changed"
      }
    return .object(
      "FileChangeApi",
      [
        "Path": .string(change.path),
        "Change": .string(kind),
        "Different": .texts(change.aspects.map(aspect)),
        "Before": change.before.map(fileFacts) ?? .null,
        "After": change.after.map(fileFacts) ?? .null,
      ]
    )
  }

  /// `linkTarget` is `LinkTarget`; what an appliance of a later version says is passed on.
  private static func aspect(_ name: String) -> String {
    name.prefix(1).uppercased() + name.dropFirst()
  }

  private static func fileFacts(_ facts: FileComparisonReply.Facts) -> APIValue {
    let kind =
      switch facts.kind {
      case .folder: "Folder"
      case .file: "File"
      case .link: "Link"
      case .special: "Special"
      }
    return .object(
      "FileFactsApi",
      [
        "Type": .string(kind),
        "SizeInBytes": .integer(Int64(clamping: facts.byteCount)),
        "LastWriteTime": .date(facts.modified),
        "Mode": .string(String(facts.mode, radix: 8)),
        "UserNumber": .integer(Int64(facts.user)),
        "GroupNumber": .integer(Int64(facts.group)),
        "LinkTarget": .text(facts.linkTarget),
      ]
    )
  }
}
