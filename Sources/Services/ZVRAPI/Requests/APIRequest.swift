// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A call of the API, free of any HTTP library.
package struct APIRequest: Sendable {
  package var method: Method
  /// The path as it came, percent-encoded, without the query.
  package var path: String
  package var query: APIQuery
  package var body: [UInt8]
  /// The header `Accept`, which says what format the answer is to have.
  package var accept: String?
  /// The header `Content-Type`, which says what format the body has.
  package var contentType: String?
  /// `https://host:port` as the client named this manager; links begin with it.
  package var baseURL: String
  /// The session header's value.
  package var token: String?
  /// The token of `Authorization: Bearer`.
  package var bearer: String?
  package var credentials: Credentials?
  /// Where the call comes from, for slowing down guessing.
  package var source: String

  package init(
    method: Method,
    path: String,
    query: APIQuery = APIQuery([]),
    body: [UInt8] = [],
    accept: String? = nil,
    contentType: String? = nil,
    baseURL: String,
    token: String? = nil,
    bearer: String? = nil,
    credentials: Credentials? = nil,
    source: String = ""
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
    self.accept = accept
    self.contentType = contentType
    self.baseURL = baseURL
    self.token = token
    self.bearer = bearer
    self.credentials = credentials
    self.source = source
  }

  /// The methods the API uses.
  ///
  /// HEAD is taken as GET: who carries HTTP drops the body.
  package enum Method: String, Sendable, CaseIterable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
  }

  /// A name and password, as HTTP Basic carries them.
  package struct Credentials: Sendable, Equatable {
    package var user: String
    package var password: String

    package init(user: String, password: String) {
      self.user = user
      self.password = password
    }
  }
}
