// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// Samples of resources, and how recoveries went.
extension SQLStore {
  package func resourceSamples(
    _ query: SampleQuery
  ) async throws(StoreError) -> [ResourceSample] {
    guard let matches = query.matches else {
      return try await records(
        """
        SELECT json FROM "resourceSample" WHERE time BETWEEN ? AND ?
        ORDER BY time, "row" LIMIT ? OFFSET ?
        """,
        [
          query.start?.milliseconds ?? .min, query.end?.milliseconds ?? .max, max(query.limit, 0),
          max(query.offset, 0),
        ]
      )
    }
    return try await resourceSamples(query, that: matches)
  }

  /// Reads page after page until enough of the samples match.
  private func resourceSamples(
    _ query: SampleQuery,
    that matches: (ResourceSample) -> Bool
  ) async throws(StoreError) -> [ResourceSample] {
    let page = 1000
    var found: [ResourceSample] = []
    var skipped = 0
    var last = (time: query.start?.milliseconds ?? .min, row: Int64.min)
    while found.count < query.limit {
      let rows = try await read(
        SQLStatement(
          """
          SELECT json, time, "row" FROM "resourceSample"
          WHERE (time, "row") > (?, ?) AND time <= ?
          ORDER BY time, "row" LIMIT ?
          """,
          [last.time, last.row, query.end?.milliseconds ?? .max, page]
        )
      )
      for row in rows where found.count < query.limit {
        let sample: ResourceSample = try RecordText.decode(row)
        guard matches(sample) else { continue }
        if skipped < query.offset { skipped += 1 } else { found.append(sample) }
      }
      guard rows.count == page, let time = rows[page - 1][1].integer,
        let row = rows[page - 1][2].integer
      else { break }
      last = (time, row)
    }
    return found
  }

  package func save(_ samples: [ResourceSample]) async throws(StoreError) {
    var statements: [SQLStatement] = []
    for sample in samples {
      statements.append(
        SQLStatement(
          "INSERT INTO \"resourceSample\" (json, time, vpg, vm) VALUES (?, ?, ?, ?)",
          [
            try RecordText.encode(sample), sample.time, sample.vpg.rawValue, sample.vm.rawValue,
          ]
        )
      )
    }
    guard !statements.isEmpty else { return }
    _ = try await write(statements)
  }

  package func latestSampleTime() async throws(StoreError) -> WallTime? {
    let rows = try await read(SQLStatement("SELECT max(time) FROM \"resourceSample\""))
    return rows.first?.first?.integer.map(WallTime.init(milliseconds:))
  }

  package func thinResourceSamples(
    before whole: WallTime,
    end: WallTime
  ) async throws(StoreError) {
    let day: Int64 = 86_400_000
    let midnight = whole.milliseconds / day * day
    _ = try await write([
      SQLStatement("DELETE FROM \"resourceSample\" WHERE time < ?", [end]),
      SQLStatement(
        """
        DELETE FROM "resourceSample" WHERE time < ? AND "row" NOT IN (
          SELECT "row" FROM (
            SELECT "row",
              row_number() OVER (PARTITION BY vpg, vm, time / ? ORDER BY time, "row") AS place
            FROM "resourceSample" WHERE time < ?) AS daily
          WHERE place = 1)
        """,
        [midnight, day, midnight]
      ),
    ])
  }

  package func recoveryReports(
    from start: WallTime?,
    to end: WallTime?
  ) async throws(StoreError) -> [RecoveryReport] {
    try await records(
      """
      SELECT json FROM "recoveryReport" WHERE began BETWEEN ? AND ?
      ORDER BY began DESC, identifier
      """,
      [start?.milliseconds ?? .min, end?.milliseconds ?? .max]
    )
  }

  package func recoveryReport(
    _ identifier: String
  ) async throws(StoreError) -> RecoveryReport? {
    try await record("SELECT json FROM \"recoveryReport\" WHERE identifier = ?", [identifier])
  }

  package func save(_ report: RecoveryReport) async throws(StoreError) {
    try await put(
      report,
      in: "recoveryReport",
      [("identifier", report.identifier), ("began", report.began)]
    )
  }
}
