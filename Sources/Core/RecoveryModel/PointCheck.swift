// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What a point has to pass: all that is said.
package struct PointCheck: Codable, Sendable, Equatable {
  /// An address at which the test VMs have to answer an HTTP GET with a status below 400.
  package var url: String?
  /// Whether the guest agent of every test VM has to come up.
  package var needsGuestAgent: Bool
  /// How long a point has for it, from the start of its VMs on.
  package var timeoutInSeconds: Int
  /// What is run once the others hold, and has to end with status 0.
  package var script: Script?
  /// What has to be so of files; with them the point is looked at and nothing of it is started.
  package var files: [FileCondition]?

  package init(
    url: String?,
    needsGuestAgent: Bool,
    timeoutInSeconds: Int,
    script: Script? = nil,
    files: [FileCondition]? = nil
  ) {
    self.url = url
    self.needsGuestAgent = needsGuestAgent
    self.timeoutInSeconds = timeoutInSeconds
    self.script = script
    self.files = files
  }

  /// A script of the site's repository.
  package struct Script: Codable, Sendable, Equatable {
    package var command: String
    package var parameters: String

    package init(command: String, parameters: String = "") {
      self.command = command
      self.parameters = parameters
    }
  }

  /// What has to be so of a file, or a folder, of a VM.
  package struct FileCondition: Codable, Sendable, Equatable {
    package var vm: VMIdentifier
    /// Beginning with the file system, as in a session for files: `/vda1/etc/hosts`.
    package var path: String
    package var rule: Rule

    package init(vm: VMIdentifier, path: String, rule: Rule) {
      self.vm = vm
      self.path = path
      self.rule = rule
    }

    package enum Rule: Codable, Sendable, Equatable {
      case exists
      /// It is not there, in a file system that can be read.
      case isMissing
      /// The file has these bytes somewhere, as UTF-8.
      case contains(String)
      /// The file's SHA-256, in hexadecimal digits.
      case hasSHA256(String)
    }
  }
}
