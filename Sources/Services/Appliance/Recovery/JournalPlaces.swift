// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol

/// Where a stream's journal and the replicas of its volumes are.
struct JournalPlaces: Codable, Sendable, Equatable {
  /// The replicas' files, by volume.
  var replicas: [String]
  /// The journal's own folder on a datastore; nil if it is where the record is.
  var journalFolder: String?

  init(_ request: JournalRequest) {
    replicas = request.volumes.map(\.replicaPath)
    journalFolder = request.journalFolder
  }

  /// What is here and not at the other places.
  func without(_ other: JournalPlaces) -> JournalStrays {
    JournalStrays(
      replicas: replicas.filter { !other.replicas.contains($0) },
      journal: journalFolder == other.journalFolder ? nil : .init(folder: journalFolder)
    )
  }
}

/// Files that are a stream's, and not or no longer its journal and replicas: a copy that is being
/// made, or what was left behind once that was in use.
///
/// They are recorded before they come about, so whatever ends an appliance on the way, the next one
/// deletes them.
struct JournalStrays: Codable, Sendable, Equatable {
  var replicas: [String]
  var journal: Journal?

  struct Journal: Codable, Sendable, Equatable {
    /// Nil is the appliance's own folder of the stream.
    var folder: String?
  }
}

extension JournalRequest {
  /// The request with journal and replicas at other places.
  func placed(at places: JournalPlaces) -> JournalRequest {
    var request = self
    for (number, path) in places.replicas.enumerated() where number < request.volumes.count {
      request.volumes[number].replicaPath = path
    }
    request.journalFolder = places.journalFolder
    return request
  }
}
