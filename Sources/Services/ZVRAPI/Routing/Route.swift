// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// One call a resource serves: everything the router and the help pages know of it.
struct Route: Sendable {
  let method: APIRequest.Method
  /// Of the whole path.
  let segments: [Segment]
  fileprivate(set) var access: Access
  /// What sessions of a self-service portal get.
  var confinement = Confinement.refused
  let summary: String
  /// A body as a client may send it; nil if the call takes none.
  let sample: String?
  /// Whether the call goes into the audit log: if a route does not say, all but reading.
  let isAudited: Bool
  let answer: @Sendable (APICall) async throws -> APIResponse

  /// `pattern`: Segments joined by slashes, below `/v1` unless it begins with a slash itself;
  /// `{name}` stands for any text.
  ///
  /// `access`: If a route does not say, reading needs ``Permission/view`` and everything else
  /// ``Permission/administer``.
  init(
    _ method: APIRequest.Method,
    _ pattern: String,
    _ summary: String,
    body sample: String? = nil,
    access: Access? = nil,
    isAudited: Bool? = nil,
    answer: @escaping @Sendable (APICall) async throws -> APIResponse
  ) {
    self.method = method
    let path = pattern.hasPrefix("/") ? pattern : "v1/" + pattern
    self.segments = path.split(separator: "/").map { Segment(String($0)) }
    self.access = access ?? .needs(method == .get ? .view : .administer)
    self.summary = summary
    self.sample = sample
    self.isAudited = isAudited ?? (method != .get)
    self.answer = answer
  }

  /// Who may call.
  enum Access: Sendable, Equatable {
    case anyone
    /// Anyone, unless the manager was told to close its resource reports; then who may view.
    case reports
    /// A user whose role has the permission.
    case needs(Permission)
  }

  /// A part of the path.
  enum Segment: Sendable, Equatable {
    case literal(String)
    case parameter(String)

    init(_ text: String) {
      self =
        text.hasPrefix("{") ? .parameter(String(text.dropFirst().dropLast())) : .literal(text)
    }
  }

  /// Whether the call needs no session.
  var isOpen: Bool { access == .anyone }

  /// The path as the help pages show it.
  var path: String {
    "/"
      + segments.map {
        switch $0 {
        case .literal(let text): text
        case .parameter(let name): "{\(name)}"
        }
      }.joined(separator: "/")
  }

  /// The parameters if the path's segments are this route's; nil if they are not.
  func match(_ path: [String]) -> [String: String]? {
    guard path.count == segments.count else { return nil }
    var parameters: [String: String] = [:]
    for (segment, text) in zip(segments, path) {
      switch segment {
      case .literal(let literal): if !literal.isSame(as: text) { return nil }
      case .parameter(let name): parameters[name] = text
      }
    }
    return parameters
  }

  /// Whether this route is meant rather than `other` where both match: the one that says the
  /// text where the other takes any.
  func isCloser(than other: Route) -> Bool {
    for (mine, theirs) in zip(segments, other.segments) {
      switch (mine, theirs) {
      case (.literal, .parameter): return true
      case (.parameter, .literal): return false
      case (.literal, .literal), (.parameter, .parameter): continue
      }
    }
    return false
  }
}

extension [Route] {
  /// The same routes, where everything but reading needs `permission`.
  func changesNeed(_ permission: Permission) -> [Route] {
    map { route in
      var route = route
      if route.method != .get { route.access = .needs(permission) }
      return route
    }
  }
}
