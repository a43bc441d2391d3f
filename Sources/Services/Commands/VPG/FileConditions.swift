// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import RESTClient

/// What has to be so of files at a point.
struct FileConditions: ParsableArguments {
  @Option(
    help: "This file or folder is there, such as /vda1/etc/hosts. May be given several times."
  )
  var file: [String] = []

  @Option(help: "This file or folder is not there.")
  var noFile: [String] = []

  @Option(help: "PATH=TEXT: this file has this text somewhere.")
  var fileContains: [String] = []

  @Option(help: "PATH=DIGITS: this file has this SHA-256.")
  var fileSha256: [String] = []

  @Option(help: "The VM whose files they are; may be left out if the VPG has one.")
  var vm: String?

  var isEmpty: Bool {
    file.isEmpty && noFile.isEmpty && fileContains.isEmpty && fileSha256.isEmpty
  }

  func validate() throws {
    for text in fileContains + fileSha256 where !text.contains("=") {
      throw ValidationError("“\(text)” should be a path, =, and what the file is to be like.")
    }
    guard vm == nil || !isEmpty else { throw ValidationError("--vm is the VM of files.") }
  }

  func conditions(of vm: String) -> [JSON] {
    func condition(_ path: String, _ test: String, _ value: String? = nil) -> JSON {
      var condition: JSON = ["VmIdentifier": .text(vm), "Path": .text(path), "Test": .text(test)]
      if let value { condition["Value"] = .text(value) }
      return condition
    }
    func pair(_ text: String, _ test: String) -> JSON {
      let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return condition(String(halves[0]), test, halves.count == 2 ? String(halves[1]) : nil)
    }
    return file.map { condition($0, "Exists") } + noFile.map { condition($0, "IsMissing") }
      + fileContains.map { pair($0, "Contains") } + fileSha256.map { pair($0, "HasSha256") }
  }
}
