// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Glibc
internal import Hypervisor

/// Reads the error that a failed libvirt call left on this thread.
enum LibvirtFailure {
  static func lastCode() -> virErrorNumber {
    virErrorNumber(rawValue: UInt32(bitPattern: virGetLastErrorCode()))
  }

  static func lastText() -> String {
    virGetLastErrorMessage().map { String(cString: $0) } ?? "no reason was given"
  }

  /// Whether the call that just failed did so because a file or folder is not there.
  static var isMissingFile: Bool {
    guard let error = virGetLastError(), error.pointee.code == CInt(VIR_ERR_SYSTEM_ERROR.rawValue)
    else { return false }
    return error.pointee.int1 == ENOENT
  }

  /// The error of the call that just failed, which was to do `operation`.
  static func last(_ operation: String) -> HypervisorError {
    let isLink = virGetLastErrorDomain() == CInt(VIR_FROM_RPC.rawValue)
    let codes = [VIR_ERR_NO_CONNECT, VIR_ERR_INVALID_CONN, VIR_ERR_RPC, VIR_ERR_AUTH_FAILED]
    if isLink || codes.contains(lastCode()) { return .unreachable(lastText()) }
    return .failed(operation: operation, reason: lastText())
  }

  /// Throws if `result` says that the call which was to do `operation` failed.
  static func check(_ result: CInt, _ operation: String) throws(HypervisorError) {
    if result < 0 { throw last(operation) }
  }
}
