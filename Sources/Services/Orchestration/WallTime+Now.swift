// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Foundation
package import RecoveryModel

extension WallTime {
  /// The machine's clock, now.
  package static var now: WallTime {
    WallTime(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
  }
}
