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

  /// The calls of a resource, with a body for each that takes one.
  private static func page(_ root: String, _ routes: [Route]) -> String {
    let rows = routes.map { route in
      "<tr><td>\(route.method.rawValue)</td><td><code>\(HTMLWriter.escaped(route.path))</code></td>"
        + "<td>\(HTMLWriter.escaped(route.summary))</td>"
        + "<td>\(route.sample.map { "<pre>\(HTMLWriter.escaped($0))</pre>" } ?? "")</td></tr>\n"
    }.joined()
    return HTMLWriter.page(
      title: "/v1/\(root)",
      "<h1>/v1/\(root)</h1><table><tr><th>Method<th>Path<th>What it does<th>Body\n\(rows)</table>"
    )
  }
}
