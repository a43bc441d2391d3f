// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What needs no session: `GET /v1/`, which lists the resources, and a help page for each.
enum Help {
  static var routes: [Route] {
    [
      Route(.get, "", "The resources.", access: .anyone) { call in
        .list(
          Resources.all.map { resource in
            .object(
              "ApiListItem",
              [
                "href": .string("\(call.request.baseURL)/v1/\(resource.root)"),
                "rel": .string("down"),
                "type": .string(resource.interface),
              ]
            )
          },
          of: "ApiListItem"
        )
      }
    ]
      + Resources.all.map { resource in
        Route(.get, "\(resource.root)/help", "This page.", access: .anyone) { _ in
          .html(page(resource.root, resource.routes))
        }
      }
  }

  /// The calls of a resource, each with its filters, its objects and an example.
  private static func page(_ root: String, _ routes: [Route]) -> String {
    let calls = routes.map { route in
      let call = APISpecification.published.call(route.method.rawValue, route.path)
      var lines = [
        "<h2><code>\(route.method.rawValue) \(escaped(route.path))</code></h2>",
        "<p>\(escaped(route.summary))</p>",
      ]
      if let filters = call?.filters, !filters.isEmpty {
        let names = filters.map { escaped($0.name) }.joined(separator: ", ")
        lines.append("<p>Filters: \(names)</p>")
      }
      lines.append("<pre>\(escaped(example(of: route)))</pre>")
      return lines.joined(separator: "\n")
    }
    return HTMLWriter.page(
      title: "/v1/\(root)",
      """
      <h1>/v1/\(root)</h1>
      <p>The examples need <code>host</code>, <code>session</code> and what is in the path as
      variables of the shell; <code>session</code> is the header that logging on answers. Their
      objects are described under <a href="/swagger">/swagger</a>.</p>
      \(calls.joined(separator: "\n"))
      """
    )
  }

  /// A command that makes the call.
  static func example(of route: Route) -> String {
    let path = route.segments.map { segment in
      switch segment {
      case .literal(let text): text
      case .parameter(let name): "$\(name)"
      }
    }.joined(separator: "/")
    var words = ["curl -k -X \(route.method.rawValue)"]
    if !route.isOpen { words.append("-H \"x-zerto-session: $session\"") }
    if let sample = route.sample {
      words.append("-H 'Content-Type: application/json' -d '\(sample)'")
    }
    return (words + ["\"https://$host:9669/\(path)\""]).joined(separator: " \\\n  ")
  }

  private static func escaped(_ text: String) -> String { HTMLWriter.escaped(text) }
}
