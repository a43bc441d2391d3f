// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import GRDB
package import RecoveryModel
package import Store

extension SQLiteStore {
  package func resourceSamples(
    _ query: SampleQuery
  ) async throws(StoreError) -> [ResourceSample] {
    let sql = "SELECT json FROM resourceSample WHERE time BETWEEN ? AND ? ORDER BY time, row"
    let bounds: StatementArguments = [
      query.start?.milliseconds ?? .min, query.end?.milliseconds ?? .max,
    ]
    guard let matches = query.matches else {
      return try await records(
        sql + " LIMIT ? OFFSET ?",
        bounds + [max(query.limit, 0), max(query.offset, 0)]
      )
    }
    do {
      return try await database.read { connection in
        var found: [ResourceSample] = []
        var skipped = 0
        let texts = try String.fetchCursor(connection, sql: sql, arguments: bounds)
        while found.count < query.limit, let text = try texts.next() {
          let sample: ResourceSample = try RecordText.decode(text)
          guard matches(sample) else { continue }
          if skipped < query.offset { skipped += 1 } else { found.append(sample) }
        }
        return found
      }
    } catch { throw StoreError(error) }
  }

  package func save(_ samples: [ResourceSample]) async throws(StoreError) {
    do {
      try await database.write { connection in
        for sample in samples {
          try connection.execute(
            sql: "INSERT INTO resourceSample (json, time, vpg, vm) VALUES (?, ?, ?, ?)",
            arguments: [
              try RecordText.encode(sample), sample.time.milliseconds, sample.vpg.rawValue,
              sample.vm.rawValue,
            ]
          )
        }
      }
    } catch { throw StoreError(error) }
  }

  package func latestSampleTime() async throws(StoreError) -> WallTime? {
    do {
      return try await database.read { connection in
        try Int64.fetchOne(connection, sql: "SELECT max(time) FROM resourceSample")
          .map(WallTime.init(milliseconds:))
      }
    } catch { throw StoreError(error) }
  }

  package func thinResourceSamples(
    before whole: WallTime,
    end: WallTime
  ) async throws(StoreError) {
    let day: Int64 = 86_400_000
    let midnight = whole.milliseconds / day * day
    try await write("DELETE FROM resourceSample WHERE time < ?", [end.milliseconds])
    try await write(
      """
      DELETE FROM resourceSample WHERE time < ? AND row NOT IN (
        SELECT row FROM (
          SELECT row, row_number() OVER (PARTITION BY vpg, vm, time / ? ORDER BY time, row) AS place
          FROM resourceSample WHERE time < ?)
        WHERE place = 1)
      """,
      [midnight, day, midnight]
    )
  }

  package func recoveryReports(
    from start: WallTime?,
    to end: WallTime?
  ) async throws(StoreError) -> [RecoveryReport] {
    try await records(
      """
      SELECT json FROM recoveryReport WHERE began BETWEEN ? AND ?
      ORDER BY began DESC, identifier
      """,
      [start?.milliseconds ?? .min, end?.milliseconds ?? .max]
    )
  }

  package func recoveryReport(
    _ identifier: String
  ) async throws(StoreError) -> RecoveryReport? {
    try await record("SELECT json FROM recoveryReport WHERE identifier = ?", [identifier])
  }

  package func save(_ report: RecoveryReport) async throws(StoreError) {
    try await put(
      report,
      "INSERT OR REPLACE INTO recoveryReport (json, identifier, began) VALUES (?, ?, ?)",
      [report.identifier, report.began.milliseconds]
    )
  }
}
