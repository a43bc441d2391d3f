// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

@testable import ZVRAPI

/// Makes every call of the published API and notes what came of it.
struct ConformanceRun {
  let published: PublishedAPI
  /// The VPGs of the site that is asked.
  var vpgCount = 1
  private(set) var checkCount = 0
  /// What was wrong, in words.
  private(set) var failures: [String] = []
  private(set) var states: [(operation: APIObject, state: State)] = []

  /// What a call does.
  enum State: Equatable {
    case served
    /// Its input is checked, then it is refused: the mechanism is not there.
    case refused
    /// It is served, and there is nothing of its kind.
    case nothingThere
    case missing
  }

  init(published: PublishedAPI, vpgCount: Int = 1) {
    self.published = published
    self.vpgCount = vpgCount
  }

  /// Makes all calls.
  mutating func run() async {
    for operation in published.operations {
      let call = ConformanceCall(operation)
      let state = await answer(to: call)
      states.append((operation, state))
      guard state != .missing else { continue }
      await checkSession(call)
      await checkXML(call, state)
      await checkIdentifiers(call)
      await checkBodies(call)
    }
    await checkMethods()
  }

  private mutating func check(_ isRight: Bool, _ call: ConformanceCall, _ what: String) {
    checkCount += 1
    if !isRight { failures.append("\(call.method.rawValue) \(call.pattern): \(what)") }
  }

  private func client() async -> APIClient {
    let client = await APIClient.loggedOn()
    await client.site.setVPGCount(vpgCount)
    return client
  }

  /// Makes the call in every spelling, and compares the answer with what was promised.
  private mutating func answer(to call: ConformanceCall) async -> State {
    var state = State.missing
    for path in call.spellings {
      let client = await client()
      let answer = await call.send(client, path: path)
      let value = answer.asJSON
      let message = value.object?["Message"]?.readText ?? ""
      switch answer.status {
      case 200:
        state = .served
        let differences = published.differences(of: value, from: call.operation)
        check(differences.isEmpty, call, differences.prefix(5).joined(separator: ", "))
      case 400 where message.contains("is not available"): state = .refused
      case 404 where message == "no such path": state = .missing
      case 404: state = .nothingThere
      case 405: state = .missing
      default: check(false, call, "\(answer.status) \(message)")
      }
    }
    return state
  }

  private mutating func checkSession(_ call: ConformanceCall) async {
    guard call.operation["auth"] == .string("session") else { return }
    for token in [nil, "wrong"] {
      var client = APIClient()
      client.token = token
      let answer = await call.send(client, path: call.spellings[0])
      check(
        answer.status == 401 && answer.isChallenge,
        call,
        "\(answer.status) without a session"
      )
    }
  }

  private mutating func checkXML(_ call: ConformanceCall, _ state: State) async {
    let answer = await call.send(await client(), path: call.spellings[0], accept: "application/xml")
    guard let rendered = answer.rendered, answer.value != nil else { return }
    check(rendered.mediaType == "application/xml; charset=utf-8", call, rendered.mediaType)
    guard let root = Element.root(of: rendered.bytes) else {
      return check(false, call, "its XML is not well-formed")
    }
    if state == .served {
      let differences = published.differences(ofXML: root, from: call.operation)
      check(differences.isEmpty, call, "XML: " + differences.prefix(5).joined(separator: ", "))
    } else {
      check(root.name == "ErrorApi", call, "the error is <\(root.name)>")
    }
  }

  /// A name that nothing has is a 404 or a 400, whatever stands for it.
  private mutating func checkIdentifiers(_ call: ConformanceCall) async {
    guard let path = call.withUnknownName else { return }
    for name in ["no-such-thing", "%00%20%F0%9F%92%A9", "0"] {
      let answer = await call.send(await client(), path: path.replacing("{}", with: name))
      check([400, 404].contains(answer.status), call, "\(answer.status) for the name \(name)")
    }
  }

  private mutating func checkBodies(_ call: ConformanceCall) async {
    guard let schema = call.operation["body"]?.readText, !call.isForm else { return }
    let deep = String(repeating: "[", count: 70) + String(repeating: "]", count: 70)
    for body in ["{\"", "[1]", "{\"A\": \(deep)}", "{} {}"] {
      let answer = await call.send(await client(), path: call.spellings[0], body: body)
      check(answer.status == 400, call, "\(answer.status) for the body \(body.prefix(20))")
    }
    for body in ["<a", "<!DOCTYPE a [<!ENTITY x \"x\">]><a>&x;</a>"] {
      let answer = await call.send(
        await client(),
        path: call.spellings[0],
        body: body,
        contentType: "application/xml"
      )
      check(answer.status == 400, call, "\(answer.status) for the body \(body)")
    }
    for field in published.schemas.object(schema).members {
      let rules = field.value.object ?? APIObject()
      guard let wrong = ConformanceCall.wrongValue(for: rules) else { continue }
      let body = "{\"\(field.name)\": \(wrong)}"
      let answer = await call.send(await client(), path: call.spellings[0], body: body)
      let message = answer.asJSON.object?["Message"]?.readText ?? ""
      check(
        answer.status == 400 && message.contains(field.name),
        call,
        "\(answer.status) \(message) for the body \(body)"
      )
    }
  }

  /// What a path does not offer is a 405.
  private mutating func checkMethods() async {
    let offered = Set(Resources.routes.map { ConformanceCall.key($0.method, $0.path) })
    for (operation, state) in states
    where state != .missing && operation["kind"] != .string("html") {
      let call = ConformanceCall(operation)
      for method in APIRequest.Method.allCases
      where !offered.contains(ConformanceCall.key(method, call.pattern)) {
        var other = call
        other.method = method
        let answer = await other.send(await client(), path: call.spellings[0])
        // A longer pattern may offer the method with any text in this place.
        check([405, 404, 400].contains(answer.status), other, "\(answer.status) is not 405")
      }
    }
  }
}
