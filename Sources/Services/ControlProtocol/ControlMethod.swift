// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The HTTP methods of the control protocol.
package enum ControlMethod: String, Sendable {
  case get = "GET"
  case put = "PUT"
  case post = "POST"
  case delete = "DELETE"
}
