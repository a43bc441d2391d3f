// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol

/// What an appliance keeps of a journal beside the journal itself: `request.json` in its folder.
struct JournalRecord: Codable, Sendable, Equatable {
  var request: JournalRequest
  var isAccepting = true
  /// Set when the journal is being deleted: whether the replicas stay.
  ///
  /// A restart goes on with it.
  var deletionKeepsReplicas: Bool?
  /// Replicas that were images before the journal, while it never was complete.
  ///
  /// They are somebody's until then: a deletion leaves them.
  var images: [String]?
  /// What is happening to a journal on a datastore; nil is that it is there and stays.
  ///
  /// A restart goes on with it.
  var passage: Passage?
  /// Where journal and replicas are to be, if that is not where they are.
  ///
  /// They are moved there, after a restart too.
  var destination: JournalPlaces?
  /// What there is of the stream beside its journal and replicas, and is to be deleted.
  var strays: JournalStrays?

  enum Passage: String, Codable, Sendable {
    /// It is being made. Later it is never made anew: its datastore may only not be mounted.
    case making
    /// It comes from another appliance.
    case coming
    /// It is left to another appliance.
    case leaving
  }
}
