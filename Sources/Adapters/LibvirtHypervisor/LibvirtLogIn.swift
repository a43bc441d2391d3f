// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Glibc
internal import Hypervisor

/// Opens a connection, and answers when the daemon asks who connects.
///
/// One object opens one connection, on one thread: libvirt asks on the thread that opens.
final class LibvirtLogIn {
  private static let name = CInt(VIR_CRED_AUTHNAME.rawValue)
  private static let password = CInt(VIR_CRED_PASSPHRASE.rawValue)

  private let account: HypervisorAccount?
  /// Whether the daemon asked.
  private(set) var wasAsked = false

  init(_ account: HypervisorAccount?) { self.account = account }

  func open(_ uri: String) throws(HypervisorError) -> OpaquePointer {
    // The kinds of questions that a name and a password answer.
    var kinds = [Self.name, Self.password]
    let opened = kinds.withUnsafeMutableBufferPointer { kinds in
      var answers = virConnectAuth(
        credtype: kinds.baseAddress,
        ncredtype: UInt32(kinds.count),
        cb: { questions, count, logIn in
          guard let questions, let logIn else { return -1 }
          return Unmanaged<LibvirtLogIn>.fromOpaque(logIn).takeUnretainedValue()
            .answer(UnsafeMutableBufferPointer(start: questions, count: Int(count)))
        },
        cbdata: Unmanaged.passUnretained(self).toOpaque()
      )
      return virConnectOpenAuth(uri, &answers, 0)
    }
    if let opened { return opened }
    guard wasAsked, account == nil else { throw .unreachable(LibvirtFailure.lastText()) }
    throw .unreachable("libvirt at \(uri) asks for an account, and the manager has none")
  }

  /// libvirt frees the answers.
  private func answer(_ questions: UnsafeMutableBufferPointer<virConnectCredential>) -> CInt {
    wasAsked = true
    guard let account else { return -1 }
    for index in questions.indices {
      let text = questions[index].type == Self.name ? account.user : account.password
      questions[index].result = strdup(text)
      questions[index].resultlen = UInt32(text.utf8.count)
    }
    return 0
  }
}
