// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Identity
internal import Orchestration
internal import RecoveryModel

/// What an auditor files of a recovery: the whole record, a page, and its signature.
///
/// Part of `/v1/reports`.
enum RecoveryEvidence {
  private static let recovery = "reports/recovery/{recoveryOperationIdentifier}"

  static var routes: [Route] { records + keys }

  private static var records: [Route] {
    [
      Route(.get, "\(recovery)/evidence", "All that a recovery wrote down.") { call in
        .value(.recoveryEvidence(try await report(call)))
      },
      Route(.get, "\(recovery)/page", "The same as a page to print and to file.") { call in
        .document(try await page(call), mediaType: "text/html; charset=utf-8")
      },
      Route(
        .get,
        "\(recovery)/signature",
        "The site's signature of that page: the 64 bytes of Ed25519."
      ) { call in
        let signature = try signer(call).sign(try await page(call))
        return .document(signature, mediaType: "application/octet-stream")
      },
    ]
  }

  /// Anyone may have them, who is shown a report and wonders.
  private static var keys: [Route] {
    [
      Route(
        .get,
        "reports/signingkey",
        "The public key of the site's reports, in PEM.",
        access: .anyone
      ) { call in pem(try signer(call).publicKeyPEM) },
      Route(
        .get,
        "reports/signingcertificate",
        "That key, certified by the site's authority.",
        access: .anyone
      ) { call in pem(try signer(call).certificatePEM) },
    ]
  }

  /// The report that the path names.
  static func report(_ call: APICall) async throws -> RecoveryReport {
    try await call.site.recoveryReport(
      call.parameter("recoveryOperationIdentifier").lowercased()
    )
  }

  private static func page(_ call: APICall) async throws -> [UInt8] {
    Array(RecoveryReportPage(report: try await report(call)).html.utf8)
  }

  private static func pem(_ text: String) -> APIResponse {
    .document(Array(text.utf8), mediaType: "application/x-pem-file")
  }

  private static func signer(_ call: APICall) throws(APIError) -> ReportSigner {
    guard let signer = call.service.reportSigner else {
      throw .notFound("this manager has no key for reports")
    }
    return signer
  }
}

extension APICall {
  /// Whether the caller is a person with a browser.
  var wantsPage: Bool {
    APIFormat.ofAnswer(accept: request.accept, contentType: request.contentType) == .html
  }
}
