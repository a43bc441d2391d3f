// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What reports are made of: samples of resources, and how recoveries went.
package protocol ReportStore: Sendable {
  /// The samples that the query asks for, oldest first.
  func resourceSamples(_ query: SampleQuery) async throws(StoreError) -> [ResourceSample]
  /// Keeps samples, all or none.
  func save(_ samples: [ResourceSample]) async throws(StoreError)
  /// The time of the newest sample.
  func latestSampleTime() async throws(StoreError) -> WallTime?
  /// Of each VM in a VPG and each day (UTC) that ended before `whole`, only the first sample stays;
  /// what is older than `end` goes.
  func thinResourceSamples(before whole: WallTime, end: WallTime) async throws(StoreError)

  /// Recoveries that began within the bounds, newest first.
  func recoveryReports(
    from start: WallTime?,
    to end: WallTime?
  ) async throws(StoreError) -> [RecoveryReport]
  func recoveryReport(_ identifier: String) async throws(StoreError) -> RecoveryReport?
  func save(_ report: RecoveryReport) async throws(StoreError)
}
