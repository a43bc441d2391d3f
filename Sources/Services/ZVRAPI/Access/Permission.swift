// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a call may need; each route names one.
package enum Permission: String, Sendable, CaseIterable {
  /// To read the site, its VPGs, tasks, events, alerts and reports.
  case view
  /// To start and stop failover tests.
  case test
  /// To fail over, move, clone and restore, and to commit or roll that back.
  case recover
  /// To make, change, pause and delete VPGs, and to insert checkpoints.
  case protect
  /// To dismiss alerts, and to bring them back.
  case acknowledge
  /// To change the site: peers, appliances, taps, the licence, settings.
  case administer
  /// To read who did what.
  case audit
}
