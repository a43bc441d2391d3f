// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Scripts

/// A site's folders of scripts, on a disk for as long as the site is.
final class FakeScripts: Sendable {
  private let folder = FileManager.default.temporaryDirectory.path + "/api-\(UUID().uuidString)"
  let folders: ScriptFolders?

  init() {
    folders = try? ScriptFolders(path: folder)
    for (area, file) in [(folders?.repository, "/dns/a.sh"), (folders?.output, "/web/printed.txt")]
    {
      guard let area, let path = try? ScriptPath(file) else { continue }
      if let folder = file.split(separator: "/").first {
        try? area.makeFolder(try ScriptPath(String(folder)))
      }
      try? area.write(Array("what it holds".utf8), to: path, overwrites: false)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }
}

extension FakeSite {
  /// A form with a script, with the boundary `b`.
  static func upload(path: String, _ text: String = "#!/bin/sh", _ more: String = "") -> String {
    [
      "--b", #"Content-Disposition: form-data; name="path""#, "", path, "--b",
      #"content-disposition: form-data; name="file"; filename="C:\x\up.sh""#,
      "Content-Type: text/plain", "", text, "\(more)--b--", "",
    ].joined(separator: "\r\n")
  }
}
