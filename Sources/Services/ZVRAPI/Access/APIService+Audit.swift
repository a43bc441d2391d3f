// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import Scripts

/// What goes into the audit log: every call that is no reading, and every logon, whether they were
/// carried out or refused, and every file that is fetched. Bodies do not: they may hold passwords.
extension APIService {
  func note(_ request: APIRequest, _ session: SessionRecord?, response: APIResponse) async {
    // Logons note themselves, with the name.
    guard let session else { return }
    await note(request, session, status: response.status, reason: "")
  }

  func note(_ request: APIRequest, _ session: SessionRecord?, error: any Error) async {
    // Nobody: who is not logged on is told so, and logons note themselves.
    guard let session else { return }
    let refusal = Self.refusal(error)
    await note(request, session, status: refusal.status, reason: refusal.message)
  }

  private func note(
    _ request: APIRequest,
    _ session: SessionRecord,
    status: Int,
    reason: String
  ) async {
    await book?.note(
      AuditEntry(
        user: session.user,
        role: session.role.rawValue,
        source: request.source,
        action: "\(request.method.rawValue) \(request.path)"
          + (request.query.text("path").map { " \($0)" } ?? ""),
        status: status,
        reason: reason
      )
    )
  }

  /// An error as it is answered.
  static func refusal(_ error: any Error) -> APIError {
    switch error {
    case let error as APIError: error
    case let error as SiteError: APIError(error)
    case let error as ScriptError: APIError(error)
    default: APIError(status: 500, message: "\(error)")
    }
  }

  /// Notes a logon, or the try of one.
  func noteLogon(user: String, role: Role?, source: String, refusal: APIError?) async {
    await book?.note(
      AuditEntry(
        user: user,
        role: role?.rawValue ?? "",
        source: source,
        action: "log on",
        status: refusal?.status ?? 200,
        reason: refusal?.message ?? "",
        isLogon: true
      )
    )
  }
}
