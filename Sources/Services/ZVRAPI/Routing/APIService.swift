// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import Identity
package import Orchestration
internal import RecoveryModel

/// The whole API of a site: calls in, answers out.
package struct APIService: Sendable {
  let site: any SiteService
  let authenticator: any Authenticator
  let sessions: SessionStore
  let throttle: LogonThrottle
  let drafts: SettingsDrafts
  /// nil remembers nothing.
  let book: (any AccessBook)?
  /// nil offers no tokens.
  let tokens: (any TokenService)?
  /// nil signs no reports.
  let reportSigner: ReportSigner?
  /// Whether resource reports need a session, as everything else does.
  let areReportsClosed: Bool
  private let router: Router
  let texts = ListedTexts()

  package init(
    site: any SiteService,
    authenticator: any Authenticator,
    tokens: (any TokenService)? = nil,
    book: (any AccessBook)? = nil,
    reportSigner: ReportSigner? = nil,
    areReportsClosed: Bool = false
  ) {
    self.init(
      site: site,
      authenticator: authenticator,
      tokens: tokens,
      book: book,
      reportSigner: reportSigner,
      areReportsClosed: areReportsClosed,
      sessions: SessionStore(),
      throttle: LogonThrottle(),
      drafts: SettingsDrafts()
    )
  }

  init(
    site: any SiteService,
    authenticator: any Authenticator,
    tokens: (any TokenService)? = nil,
    book: (any AccessBook)? = nil,
    reportSigner: ReportSigner? = nil,
    areReportsClosed: Bool = false,
    sessions: SessionStore,
    throttle: LogonThrottle,
    drafts: SettingsDrafts
  ) {
    self.site = site
    self.authenticator = authenticator
    self.tokens = tokens
    self.book = book
    self.reportSigner = reportSigner
    self.areReportsClosed = areReportsClosed
    self.sessions = sessions
    self.throttle = throttle
    self.drafts = drafts
    self.router = Router(Resources.routes)
  }

  /// Answers a call.
  ///
  /// Every failure is an answer in the API's form.
  package func respond(to request: APIRequest) async -> APIResponse {
    var response: APIResponse
    do {
      response = try await route(request)
    } catch {
      response = Self.refusal(error).response
    }
    response.format = APIFormat.ofAnswer(
      accept: request.accept,
      contentType: request.contentType,
      usual: response.format ?? .json
    )
    return response
  }

  private func route(_ request: APIRequest) async throws -> APIResponse {
    guard let path = APIPath.segments(of: request.path) else {
      throw APIError.invalid("the path is not percent-encoded UTF-8")
    }
    let matching = router.routes(at: path)
    guard !matching.isEmpty else { throw APIError.notFound("no such path") }

    let session = await session(of: request)
    if session == nil, matching.allSatisfy({ permission(for: $0) != nil }) {
      throw APIError.unauthorized
    }
    let offered = matching.filter { $0.method == request.method }
    guard let first = offered.first else {
      throw APIError(
        status: 405,
        message: "\(request.method.rawValue) is not offered on this path"
      )
    }
    let chosen = offered.dropFirst().reduce(first) { $1.isCloser(than: $0) ? $1 : $0 }
    guard chosen.isAudited else { return try await answer(request, path, chosen, session) }
    do {
      let response = try await answer(request, path, chosen, session)
      await note(request, session, response: response)
      return response
    } catch {
      await note(request, session, error: error)
      throw error
    }
  }

  private func answer(
    _ request: APIRequest,
    _ path: [String],
    _ chosen: Route,
    _ session: SessionRecord?
  ) async throws -> APIResponse {
    if let permission = permission(for: chosen) {
      guard let session else { throw APIError.unauthorized }
      guard session.role.may(permission) else {
        throw APIError.forbidden(permission, session.role)
      }
    }
    let parameters = chosen.match(path) ?? [:]
    func call(_ body: APIObject) -> APICall {
      APICall(
        request: request,
        parameters: parameters,
        body: body,
        session: session,
        service: self
      )
    }
    try await call(APIObject()).checkConfinement(
      permission(for: chosen) == nil ? .harmless : chosen.confinement
    )
    return try await chosen.answer(
      call(chosen.sample == nil ? APIObject() : try checkedBody(of: request, for: chosen))
    )
  }

  /// What the call needs; nil if anyone may.
  func permission(for route: Route) -> Permission? {
    switch route.access {
    case .anyone: nil
    case .reports: areReportsClosed ? .view : nil
    case .needs(let permission): permission
    }
  }

  private func session(of request: APIRequest) async -> SessionRecord? {
    if let token = request.token, let session = await sessions.use(token) { return session }
    if let bearer = request.bearer { return await tokens?.caller(bearer) }
    return nil
  }

  /// The members of the body, each of the type that was promised for it.
  private func checkedBody(
    of request: APIRequest,
    for route: Route
  ) throws(APIError) -> APIObject {
    let body = try readBody(of: request)
    let specification = APISpecification.published
    guard let type = specification.call(route.method.rawValue, route.path)?.body else {
      return body
    }
    let resolved =
      APIFormat.ofBody(contentType: request.contentType) == .xml
      ? specification.resolvingEmptyElements(in: body, is: type) : body
    try specification.check(resolved, is: type)
    return resolved
  }

  /// The members of the body, whatever its format.
  ///
  /// Nothing, `""` and `null` are an empty object, and a bare text is kept under the name "".
  private func readBody(of request: APIRequest) throws(APIError) -> APIObject {
    let blanks: Set<UInt8> = [0x09, 0x0A, 0x0D, 0x20]
    guard !request.body.allSatisfy(blanks.contains) else { return APIObject() }
    let value =
      switch APIFormat.ofBody(contentType: request.contentType) {
      case .xml: try readXML(request.body)
      case .json, .html: try readJSON(inUTF8(request))
      }
    switch value {
    case .null, .string(""): return APIObject()
    case .object(let object): return object
    case .string: return APIObject(members: [APIMember(name: "", value: value)])
    case .bool, .integer, .double, .date, .enumerated, .list:
      throw .invalid("the body is not an object")
    }
  }

  /// The body in UTF-8.
  ///
  /// Clients that name no charset may send what HTTP/1.1 once took for granted, ISO 8859-1.
  private func inUTF8(_ request: APIRequest) -> [UInt8] {
    guard String(validating: request.body, as: UTF8.self) == nil,
      request.contentType?.lowercased().contains("charset") != true
    else { return request.body }
    return request.body.flatMap { Array(String(Unicode.Scalar($0)).utf8) }
  }

  private func readXML(_ bytes: [UInt8]) throws(APIError) -> APIValue {
    do {
      return try XMLReader.read(bytes)
    } catch {
      throw .invalid(error.message)
    }
  }

  private func readJSON(_ bytes: [UInt8]) throws(APIError) -> APIValue {
    do {
      return try JSONReader.read(bytes)
    } catch {
      throw .invalid(error.message)
    }
  }
}
