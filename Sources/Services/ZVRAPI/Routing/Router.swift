// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// Finds the routes of a path: a tree by segments, so that nobody looks through all routes.
struct Router: Sendable {
  private var root = Node()

  init(_ routes: [Route]) {
    for route in routes { root.add(route, at: route.segments[...]) }
  }

  /// The routes that match the path, of whatever method.
  func routes(at path: [String]) -> [Route] {
    var found: [Route] = []
    root.collect(at: path[...], &found)
    return found
  }

  /// A place in the tree, and what is below it.
  private struct Node: Sendable {
    /// By the segment's text in lower case.
    private var literals: [String: Node] = [:]
    /// Where any text may stand; one at most.
    private var parameter: [Node] = []
    private var routes: [Route] = []

    mutating func add(_ route: Route, at segments: ArraySlice<Route.Segment>) {
      switch segments.first {
      case .literal(let text)?:
        literals[text.lowercased(), default: Node()].add(route, at: segments.dropFirst())
      case .parameter?:
        if parameter.isEmpty { parameter.append(Node()) }
        parameter[0].add(route, at: segments.dropFirst())
      case nil: routes.append(route)
      }
    }

    func collect(at path: ArraySlice<String>, _ found: inout [Route]) {
      guard let text = path.first else {
        found += routes
        return
      }
      literals[text.lowercased()]?.collect(at: path.dropFirst(), &found)
      parameter.first?.collect(at: path.dropFirst(), &found)
    }
  }
}
