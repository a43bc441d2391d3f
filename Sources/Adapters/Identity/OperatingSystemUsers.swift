// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CPAM
internal import Foundation
internal import Glibc
internal import Synchronization

/// The users of the operating system, asked through PAM.
package enum OperatingSystemUsers {
  /// PAM modules may wait for a network, so the number of threads they hold is bounded.
  private static let concurrentLimit = 16
  private static let runningCount = Mutex(0)

  /// Checks a password, then whether the account may be used.
  ///
  /// The calls block, so they run on a thread of their own. PAM's delay after a wrong password is
  /// off: who calls this limits the rate of attempts.
  ///
  /// `user` is the account, as in ``LoginName/account``. `service` names PAM's rules in
  /// `/etc/pam.d`; those of `other` apply where it has none.
  package static func authenticate(
    user: String,
    password: String,
    service: String
  ) async -> AuthenticationResult {
    // PAM takes C strings: behind a zero byte it would see nothing.
    guard !user.isEmpty, !password.isEmpty, !user.utf8.contains(0), !password.utf8.contains(0)
    else { return .wrongCredentials }

    let isAdmitted = runningCount.withLock { count in
      guard count < concurrentLimit else { return false }
      count += 1
      return true
    }
    guard isAdmitted else { return .unavailable("too many users are logging on at once") }
    return await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        let result = check(user: user, password: password, service: service)
        runningCount.withLock { $0 -= 1 }
        continuation.resume(returning: result)
      }
    }
  }

  /// The names of the groups a user is in; none if the system does not know the user.
  ///
  /// Looking them up may ask a directory, so it runs on a thread of its own.
  package static func groups(of user: String) async -> [String] {
    guard !user.utf8.contains(0) else { return [] }
    return await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: lookUpGroups(of: user)) }
    }
  }

  /// How the system itself writes a user's name; nil if it does not know the user.
  package static func name(of user: String) async -> String? {
    guard !user.utf8.contains(0) else { return nil }
    return await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: lookUp(user)?.name) }
    }
  }

  private static func lookUp(_ user: String) -> (name: String, group: gid_t)? {
    var account = passwd()
    var entry: UnsafeMutablePointer<passwd>?
    var memory = [CChar](repeating: 0, count: 16 << 10)
    guard getpwnam_r(user, &account, &memory, memory.count, &entry) == 0, entry != nil else {
      return nil
    }
    return (String(cString: account.pw_name), account.pw_gid)
  }

  private static func lookUpGroups(of user: String) -> [String] {
    guard let (_, group) = lookUp(user) else { return [] }
    var count: Int32 = 64
    var identifiers = [gid_t](repeating: 0, count: Int(count))
    if getgrouplist(user, group, &identifiers, &count) < 0 {
      // It said how many there are.
      identifiers = [gid_t](repeating: 0, count: Int(count))
      guard getgrouplist(user, group, &identifiers, &count) >= 0 else { return [] }
    }
    return identifiers.prefix(Int(count)).compactMap(groupName)
  }

  private static func groupName(_ identifier: gid_t) -> String? {
    var size = 16 << 10
    while size <= 1 << 20 {
      var record = group()
      var entry: UnsafeMutablePointer<group>?
      var memory = [CChar](repeating: 0, count: size)
      let status = getgrgid_r(identifier, &record, &memory, size, &entry)
      // A group with many members needs more room.
      if status == ERANGE {
        size *= 4
        continue
      }
      return status == 0 && entry != nil ? record.gr_name.map { String(cString: $0) } : nil
    }
    return nil
  }

  private static func check(
    user: String,
    password: String,
    service: String
  ) -> AuthenticationResult {
    password.withCString { password in
      var conversation = pam_conv(
        conv: answer,
        appdata_ptr: UnsafeMutableRawPointer(mutating: password)
      )
      var handle: OpaquePointer?
      var status = pam_start(service, user, &conversation, &handle)
      guard status == PAM_SUCCESS, let handle else {
        return .unavailable("PAM service \(service) cannot be used: \(words(for: status, handle))")
      }
      defer { pam_end(handle, status) }
      understudy_pam_omit_fail_delay(handle)

      let flags = Int32(PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK)
      status = pam_authenticate(handle, flags)
      guard status == PAM_SUCCESS else { return authenticationFailure(status, handle) }
      status = pam_acct_mgmt(handle, flags)
      guard status == PAM_SUCCESS else {
        return .accountUnavailable(words(for: status, handle))
      }
      return .success
    }
  }

  private static func authenticationFailure(
    _ status: Int32,
    _ handle: OpaquePointer
  ) -> AuthenticationResult {
    switch status {
    case PAM_AUTH_ERR, PAM_USER_UNKNOWN, PAM_MAXTRIES, PAM_PERM_DENIED:
      .wrongCredentials
    case PAM_ACCT_EXPIRED, PAM_CRED_EXPIRED, PAM_NEW_AUTHTOK_REQD:
      .accountUnavailable(words(for: status, handle))
    default:
      .unavailable("PAM cannot check passwords: \(words(for: status, handle))")
    }
  }

  private static func words(for status: Int32, _ handle: OpaquePointer?) -> String {
    pam_strerror(handle, status).map { String(cString: $0) } ?? "error \(status)"
  }
}

/// PAM's conversation: gives the password, which `context` points to.
///
/// That answers a question without echo. Any other question ends the conversation, since nobody
/// is there to answer it.
private func answer(
  count: Int32,
  messages: UnsafeMutablePointer<UnsafePointer<pam_message>?>?,
  responses: UnsafeMutablePointer<UnsafeMutablePointer<pam_response>?>?,
  context: UnsafeMutableRawPointer?
) -> Int32 {
  guard count > 0, count <= PAM_MAX_NUM_MSG, let messages, let responses, let context,
    let memory = calloc(Int(count), MemoryLayout<pam_response>.stride)
  else { return PAM_CONV_ERR }
  // PAM frees the array and the answers with free(3).
  let answers = memory.bindMemory(to: pam_response.self, capacity: Int(count))
  for index in 0..<Int(count) {
    switch messages[index]?.pointee.msg_style {
    case PAM_PROMPT_ECHO_OFF:
      answers[index].resp = strdup(context.assumingMemoryBound(to: CChar.self))
    case PAM_TEXT_INFO, PAM_ERROR_MSG:
      break
    default:
      for given in 0..<index { free(answers[given].resp) }
      free(memory)
      return PAM_CONV_ERR
    }
  }
  responses.pointee = answers
  return PAM_SUCCESS
}
