// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import GRDB
internal import Store

extension StoreError {
  /// What a failure of the database means for the store's users.
  init(_ error: any Error) {
    switch error {
    case let error as StoreError: self = error
    case let error as DatabaseError
    where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode):
      self = .corrupt(error.message ?? "\(error)")
    case let error as DatabaseError: self = .unavailable(error.message ?? "\(error)")
    default: self = .unavailable("\(error)")
    }
  }
}
