// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A stub in Flask, Python's plainest web framework, that answers a string it has ready.
struct Flask {
  let url: String
  let figures: ProcessFigures

  /// Answers what the file holds, as JSON, over TLS with that certificate.
  init(file: String, certificate: String, key: String, stage: Stage) async throws {
    let port = try Machine.freePort()
    let script = stage.path("stub.py")
    try """
    import flask, logging
    logging.getLogger("werkzeug").disabled = True
    text = open("\(file)").read()
    app = flask.Flask("stub")
    @app.route("/v1/vpgs")
    def vpgs(): return flask.Response(text, mimetype="application/json")
    from werkzeug.serving import WSGIRequestHandler
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    app.run("127.0.0.1", \(port), threaded=True, ssl_context=("\(certificate)", "\(key)"))
    """.write(toFile: script, atomically: true, encoding: .utf8)
    figures = ProcessFigures(
      identifier: try stage.start("/usr/bin/python3", [script]).identifier
    )
    let url = "https://127.0.0.1:\(port)/v1/vpgs"
    self.url = url
    try await waitUntil("the stub answers") {
      (try? Program.run("curl", ["-skf", "-o", "/dev/null", url], stage: stage)) != nil
    }
  }
}
