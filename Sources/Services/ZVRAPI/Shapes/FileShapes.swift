// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Orchestration
internal import RecoveryModel

// File-level restore as the API shows it.

extension APIValue {
  static func fileSession(_ view: FileSessionView, site: SiteIdentifier) -> APIValue {
    let state =
      switch view.status.state {
      case .mounting: "MountInProgress"
      case .mounted: "MountCompletedSuccessfully"
      case .failed: "MountFailed"
      }
    let checkpoint: APIValue =
      switch view.status.request.point {
      case .checkpoint(let checkpoint): .string("\(checkpoint)")
      case .sequence, .time: .null
      }
    return .object(
      "FlrSessionInformationApi",
      [
        "FlrSessionStatus": .string(state),
        "FlrSessionIdentifier": .string(view.status.identifier.rawValue),
        "FlrSessionType": .string("jflr"),
        "VmIdentifier": .identifier(view.vm),
        "VmVolumeIdentifier": .null,
        "VpgIdentifier": .identifier(view.vpg),
        "CheckpointIdentifier": checkpoint,
        "MountTime": .date(view.status.began),
        "SelectedPath": .null,
        "NumberOfRelatedRunningTasks": .integer(0),
        "RepositoryIdentifier": .null,
        "RetentionSetIdentifier": .null,
        "SiteIdentifier": .string(site.rawValue),
      ]
    )
  }

  static func folder(_ reply: FileListReply) -> APIValue {
    .object(
      "PathInformationApi",
      [
        "MainPathItem": fileEntry(reply.folder),
        "PathItems": .list(reply.entries.map(fileEntry), element: "PathItemInformationApi"),
      ]
    )
  }

  private static func fileEntry(_ entry: FileListReply.Entry) -> APIValue {
    let isTop = entry.path.split(separator: "/").count == 1
    let kind =
      switch entry.kind {
      case .folder: isTop ? "Partition" : "Folder"
      case .file, .link, .special: "File"
      }
    let hindrance: String? =
      switch entry.kind {
      case .folder, .file: nil
      case .link: "A symbolic link to \(entry.linkTarget ?? "")"
      case .special: "A device, a pipe or a socket"
      }
    return .object(
      "PathItemInformationApi",
      [
        "Path": .string(entry.path),
        "Type": .string(kind),
        "IsBrowsable": .bool(entry.kind == .folder),
        "DownloadInformation": .object(
          "DownloadInformationApi",
          [
            "IsDownloadable": .bool(hindrance == nil),
            "AdditionalInformation": .string(hindrance ?? ""),
          ]
        ),
        "SizeInBytes": entry.kind == .folder
          ? .null : .integer(Int(clamping: entry.byteCount)),
        "CreationTime": .null,
        "LastAccessTime": .date(entry.accessed),
        "LastWriteTime": .date(entry.modified),
      ]
    )
  }
}
