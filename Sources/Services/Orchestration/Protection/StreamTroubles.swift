// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel

/// What keeps streams from being as they should be; a stream that is has nothing here.
struct StreamTroubles: Sendable {
  private var faults: [StreamIdentifier: String] = [:]
  private var differences: [StreamIdentifier: [String]] = [:]

  /// Why a stream cannot be kept; empty if it can.
  func fault(of stream: StreamIdentifier) -> String { faults[stream] ?? "" }

  /// In what the VM's disks are not what is protected.
  func differences(of stream: StreamIdentifier) -> [String] { differences[stream] ?? [] }

  mutating func setFault(_ fault: String, of stream: StreamIdentifier) {
    faults[stream] = fault.isEmpty ? nil : fault
  }

  mutating func setDifferences(_ new: [String], of stream: StreamIdentifier) {
    differences[stream] = new.isEmpty ? nil : new
  }

  mutating func forget(_ stream: StreamIdentifier) {
    faults[stream] = nil
    differences[stream] = nil
  }
}
