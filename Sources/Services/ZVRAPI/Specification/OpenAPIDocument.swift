// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The OpenAPI 3.0 description of the routes that are served, for tools and for the page under
/// `/swagger`.
///
/// Routes say what there is, and the ``APISpecification`` what goes in and comes out.
struct OpenAPIDocument {
  let routes: [Route]
  let specification: APISpecification
  let version: String
  let baseURL: String

  /// The document, to be written as JSON.
  var value: APIValue {
    .object(
      "",
      [
        "openapi": .string("3.0.3"),
        "info": .object(
          "",
          [
            "title": .string("Understudy: Zerto Virtual Replication REST API v1"),
            "version": .string(version),
          ]
        ),
        "servers": .list([.object("", ["url": .string(baseURL)])], element: ""),
        "paths": paths,
        "components": components,
      ]
    )
  }

  // MARK: - Calls

  /// Routes by path.
  ///
  /// Paths that differ only in what their parameters are called are one path to OpenAPI.
  private var paths: APIValue {
    var paths = APIObject()
    var positions: [String: Int] = [:]
    for route in routes {
      let key = route.path.split(separator: "/").map { $0.hasPrefix("{") ? "{}" : $0 }
        .joined(separator: "/")
      let position = positions[key] ?? paths.members.count
      if position == paths.members.count {
        positions[key] = position
        paths.members.append(APIMember(name: route.path, value: .object(APIObject())))
      }
      let path = paths.members[position].name
      var calls = paths.members[position].value.object ?? APIObject()
      calls[route.method.rawValue.lowercased()] = operation(route, path)
      paths.members[position].value = .object(calls)
    }
    return .object(paths)
  }

  private func operation(_ route: Route, _ path: String) -> APIValue {
    let call = specification.call(route.method.rawValue, route.path)
    var operation = APIObject()
    operation["tags"] = .texts([tag(path)])
    operation["summary"] = .string(route.summary)
    operation["parameters"] = .list(
      pathParameters(path) + (call?.filters ?? []).map(filter),
      element: ""
    )
    if let sample = route.sample { operation["requestBody"] = body(call, sample) }
    operation["responses"] = responses(call, needsSession: !route.isOpen)
    if route.isOpen { operation["security"] = .list([], element: "") }
    return .object(operation)
  }

  /// The first segment below the version.
  private func tag(_ path: String) -> String {
    path.split(separator: "/").first { $0 != "v1" }.map(String.init) ?? "v1"
  }

  private func pathParameters(_ path: String) -> [APIValue] {
    path.split(separator: "/").filter { $0.hasPrefix("{") }.map { segment in
      .object(
        "",
        [
          "name": .string(String(segment.dropFirst().dropLast())), "in": .string("path"),
          "required": .bool(true),
          "schema": .object("", ["type": .string("string"), "minLength": .integer(1)]),
        ]
      )
    }
  }

  private func filter(_ field: APISpecification.Field) -> APIValue {
    .object(
      "",
      [
        "name": .string(field.name), "in": .string("query"), "schema": .object(schema(field)),
      ]
    )
  }

  private func body(_ call: APISpecification.Call?, _ sample: String) -> APIValue {
    let isForm = call?.isForm == true
    var content = APIObject()
    var json = APIObject()
    json["schema"] = .object(schema(call?.body ?? .anything))
    if let example = try? JSONReader.read(Array(sample.utf8)) { json["example"] = example }
    let type = isForm ? "application/x-www-form-urlencoded" : "application/json"
    content[type] = .object(json)
    if !isForm {
      content["application/xml"] = .object("", ["schema": .object(schema(call?.body ?? .anything))])
    }
    return .object("", ["required": .bool(false), "content": .object(content)])
  }

  private func responses(_ call: APISpecification.Call?, needsSession: Bool) -> APIValue {
    var responses = APIObject()
    responses["200"] = success(call?.answer ?? .anything)
    let refusals = [
      ("400", "What was sent cannot be right; Message says what."),
      ("401", needsSession ? "There is no session, or it expired." : "The credentials are wrong."),
      ("403", "The user's role does not suffice."),
      ("404", "There is no such thing."),
      ("409", "The state of things does not allow it now."),
      ("503", "Another site or service that is needed cannot be reached."),
    ]
    for (status, text) in refusals {
      responses[status] = .object(
        "",
        ["description": .string(text), "content": content(.object("ErrorApi"))]
      )
    }
    return .object(responses)
  }

  private func success(_ answer: APISpecification.ValueType) -> APIValue {
    switch answer {
    case .nothing: .object("", ["description": .string("Done; the answer is empty.")])
    case .page:
      .object(
        "",
        [
          "description": .string("A page."),
          "content": .object("", ["text/html": .object("", [:])]),
        ]
      )
    case .binary:
      .object(
        "",
        [
          "description": .string("A file, whose kind the answer's Content-Type says."),
          "content": .object(
            "",
            ["*/*": .object("", ["schema": .object(schema(answer))])]
          ),
        ]
      )
    default: .object("", ["description": .string("Done."), "content": content(answer)])
    }
  }

  private func content(_ type: APISpecification.ValueType) -> APIValue {
    let json = APIValue.object("", ["schema": .object(schema(type))])
    return .object("", ["application/json": json, "application/xml": .object("", [:])])
  }

  // MARK: - Objects

  private var components: APIValue {
    let schemas = specification.objects.values.sorted { $0.name < $1.name }.map { object in
      APIMember(name: object.name, value: schema(object))
    }
    return .object(
      "",
      [
        "schemas": .object(APIObject(members: schemas)),
        "securitySchemes": .object(
          "",
          [
            "session": .object(
              "",
              [
                "type": .string("apiKey"), "in": .string("header"),
                "name": .string("x-zerto-session"),
              ]
            )
          ]
        ),
      ]
    )
  }

  private func schema(_ object: APISpecification.Object) -> APIValue {
    let properties = object.fields.map {
      APIMember(name: $0.name, value: .object(schema($0)))
    }
    return .object(
      "",
      [
        "type": .string("object"), "properties": .object(APIObject(members: properties)),
      ]
    )
  }

  private func schema(_ field: APISpecification.Field) -> APIObject {
    var schema = schema(field.type)
    if field.isNullable, schema["$ref"] == nil { schema["nullable"] = .bool(true) }
    if field.isNullable, let target = schema["$ref"] {
      schema = APIObject()
      schema["nullable"] = .bool(true)
      schema["allOf"] = .list([.object("", ["$ref": target])], element: "")
    }
    if let name = field.enumeration { schema["description"] = .string("A value of \(name).") }
    return schema
  }

  private func schema(_ type: APISpecification.ValueType) -> APIObject {
    var schema = APIObject()
    func set(_ type: String, _ format: String? = nil) {
      schema["type"] = .string(type)
      if let format { schema["format"] = .string(format) }
    }
    switch type {
    case .string, .timespan: set("string")
    case .binary: set("string", "binary")
    case .datetime: set("string", "date-time")
    case .integer: set("integer", "int32")
    case .long: set("integer", "int64")
    case .double: set("number", "double")
    case .boolean: set("boolean")
    case .object(let name): schema["$ref"] = .string("#/components/schemas/\(name)")
    case .list(let element):
      set("array")
      schema["items"] = .object(self.schema(element))
    case .nothing, .page, .anything: break
    }
    return schema
  }
}
