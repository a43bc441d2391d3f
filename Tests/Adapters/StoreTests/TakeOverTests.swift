// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PostgresStore
import Store
import Testing

/// Two manager processes of one site on one database.
@Suite(.withPostgres, .timeLimit(.minutes(2))) struct TakeOverTests {
  /// What the two do: arguments are the program, a folder, and the store's URL.
  private static let script = #"""
    set -eu
    program=$1 folder=$2 url=$3
    managers=()
    trap 'kill -9 "${managers[@]}" 2>/dev/null || :' EXIT
    port() {
      python3 -c \
        'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
    }
    call() { curl -sk --max-time 5 -o /dev/null -w '%{http_code}' "$@"; }
    answers() {
      for _ in $(seq 300); do
        call "https://127.0.0.1:$1/v1/" >/dev/null && return
        sleep 0.1
      done
      return 1
    }
    start() {
      cat >"$folder/$1.json" <<JSON
    {"siteIdentifier": "11111111-1111-1111-1111-111111111111", "siteName": "london", "location": "",
     "stateFolder": "$folder/$1", "store": "$url", "listenHost": "127.0.0.1", "listenPort": $2,
     "peerHost": "127.0.0.1", "peerPort": $(port), "advertisedHost": "127.0.0.1",
     "hypervisorURI": "test:///default", "identityFolder": "$folder/$1/identity",
     "authorityFolder": "$folder/authority", "appliances": [], "pamService": "login",
     "allowsKVM": false}
    JSON
      "$program" manager --config "$folder/$1.json" 2>"$folder/$1.log" & managers+=($!)
    }
    one=$(port) two=$(port)
    start one "$one"
    answers "$one"
    echo secret | "$program" manager-user add --config "$folder/one.json" ann
    start two "$two"
    until grep -q 'standing by' "$folder/two.log"; do sleep 0.1; done
    session=$(curl -sk -D- -o /dev/null -u ann:secret -X POST -H 'Content-Type: application/json' \
      -d '{"AuthenticationMethod": 0}' "https://127.0.0.1:$one/v1/session/add" |
      tr -d '\r' | awk 'tolower($1) == "x-zerto-session:" {print $2}')
    kept=0
    while [ "$kept" -lt 20 ]; do
      [ "$(call -X POST -H "x-zerto-session: $session" \
        "https://127.0.0.1:$one/v1/peersites/generatetoken")" = 200 ]
      kept=$((kept + 1))
    done
    kill -9 "${managers[0]}"
    began=$(date +%s%N)
    answers "$two"
    echo "$kept $(( ($(date +%s%N) - began) / 1000000 ))"
    """#

  /// The product, which is built into the folder of the test bundle.
  private static let program = URL(filePath: CommandLine.arguments[0])
    .deletingLastPathComponent().appending(path: "understudy").path(percentEncoded: false)

  @Test func `a standby takes over from a manager that is killed, and nothing is lost`()
    async throws
  {
    let server = try #require(PostgresServer.current)
    let file = try StoreFile()
    let url = try server.makeDatabase()
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = ["-c", Self.script, "take-over", Self.program, file.folder.path, url]
    process.standardOutput = output
    try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
      process.terminationHandler = { _ in ended.resume() }
      do { try process.run() } catch { ended.resume(throwing: error) }
    }
    let words = String(
      decoding: output.fileHandleForReading.readDataToEndOfFile(),
      as: UTF8.self
    ).split(whereSeparator: \.isWhitespace)
    try #require(process.terminationStatus == 0 && words.count == 2)
    #expect(try #require(Int(words[1])) < 10_000)
    let store = try PostgresStore(location: url)
    #expect(try await store.pairingTokens().count == Int(words[0]))
    try await store.close()
  }
}
