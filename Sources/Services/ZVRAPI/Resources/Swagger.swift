// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration

/// `/swagger`: the OpenAPI document of what is served, and a page that shows it.
enum Swagger {
  static let documentPath = "/swagger/v1/swagger.json"

  static var routes: [Route] {
    ["/swagger", "/swagger/index.html", "/management/api/swagger/index.html"].map { path in
      Route(.get, path, "A page that shows every call.", access: .anyone) { _ in
        .html(page)
      }
    } + [
      Route(.get, documentPath, "The OpenAPI document.", access: .anyone) { call in
        let document = OpenAPIDocument(
          routes: Resources.routes,
          specification: .published,
          version: await call.site.localSite().version,
          baseURL: call.request.baseURL
        )
        return .document(JSONWriter.write(document.value), mediaType: "application/json")
      }
    ]
  }

  /// The page reads the document and shows it; it needs nothing from elsewhere.
  private static var page: String {
    HTMLWriter.page(
      title: "Understudy: REST API",
      """
      <h1>REST API</h1>
      <p>Every call that is served, from <a href="\(documentPath)">the OpenAPI document</a>.
      <label>Session <input id="session" size="40" placeholder="x-zerto-session"></label></p>
      <div id="calls">Loading…</div>
      <script>\(script)</script>
      """
    )
  }

  private static let script = """
    const element = (name, text, ...children) => {
      const made = document.createElement(name);
      if (text) made.textContent = text;
      made.append(...children);
      return made;
    };
    const name = schema => !schema ? "nothing"
      : schema.$ref ? schema.$ref.split("/").pop()
      : schema.allOf ? name(schema.allOf[0])
      : schema.type === "array" ? "[" + name(schema.items) + "]" : schema.type || "anything";
    const schemaOf = content => content && (content["application/json"] || {}).schema;
    const members = (root, schema) => {
      const target = root.components.schemas[name(schema).replace(/[\\[\\]]/g, "")];
      if (!target) return "";
      const rows = Object.entries(target.properties).map(([key, value]) =>
        key + ": " + name(value) + (value.description ? "  // " + value.description : ""));
      return element("pre", rows.join("\\n"));
    };
    const show = (root, path, method, call) => {
      const box = element("details", "", element("summary", "", element("code",
        method.toUpperCase() + " " + path), " " + call.summary));
      const fields = {};
      for (const parameter of call.parameters) {
        fields[parameter.name] = Object.assign(element("input"), {
          placeholder: name(parameter.schema)});
        box.append(element("p", "", element("label", parameter.name + " (" + parameter.in + ") ",
          fields[parameter.name])));
      }
      let body = null;
      if (call.requestBody) {
        const json = call.requestBody.content["application/json"] || {};
        body = Object.assign(element("textarea"), {
          rows: 5, cols: 80, value: json.example ? JSON.stringify(json.example, null, 1) : ""});
        box.append(element("p", "Body: " + name(json.schema)), members(root, json.schema), body);
      }
      const answer = schemaOf(call.responses["200"].content);
      box.append(element("p", "Answer: " + name(answer)), members(root, answer));
      const result = element("pre");
      const button = element("button", "Call");
      button.onclick = async () => {
        let url = path, query = new URLSearchParams();
        for (const parameter of call.parameters) {
          const value = fields[parameter.name].value;
          if (parameter.in === "path")
            url = url.replace("{" + parameter.name + "}", encodeURIComponent(value));
          else if (value) query.append(parameter.name, value);
        }
        const headers = {"Accept": "application/json"};
        const session = document.getElementById("session").value;
        if (session) headers["x-zerto-session"] = session;
        if (body && body.value) headers["Content-Type"] = "application/json";
        const response = await fetch(url + (query.size ? "?" + query : ""), {
          method: method.toUpperCase(), headers,
          body: body && body.value ? body.value : undefined});
        result.textContent = response.status + "\\n" + await response.text();
      };
      box.append(button, result);
      return box;
    };
    fetch("\(documentPath)").then(answer => answer.json()).then(root => {
      const calls = document.getElementById("calls");
      calls.textContent = "";
      let heading = "";
      for (const [path, methods] of Object.entries(root.paths))
        for (const [method, call] of Object.entries(methods)) {
          if (call.tags[0] !== heading) {
            heading = call.tags[0];
            calls.append(element("h2", heading));
          }
          calls.append(show(root, path, method, call));
        }
    });
    """
}
