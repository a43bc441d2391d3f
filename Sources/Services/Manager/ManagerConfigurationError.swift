// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel

/// What is wrong with a manager's configuration file.
package enum ManagerConfigurationError: Error, Equatable, CustomStringConvertible {
  case notAnAddress(appliance: ApplianceIdentifier, controlURL: String)

  case notATarget(String)
  case notARole(subject: String, role: String)

  case badSampleRules
  case badScriptFolder(reason: String)
  case badHosts(reason: String)
  case badAccount(reason: String)

  package var description: String {
    switch self {
    case .notAnAddress(let appliance, let url):
      "the controlURL of the appliance \(appliance) is not https://HOST:PORT: \(url)"
    case .badSampleRules:
      "resourceSamples: intervalInSeconds and wholeDays must be at least 1, and dailyDays at least "
        + "wholeDays"
    case .badScriptFolder(let reason): "scripts: \(reason)"
    case .badHosts(let reason): "furtherHosts: \(reason)"
    case .badAccount(let reason): "hypervisorAccount: \(reason)"
    case .notATarget(let url):
      "forwarding: “\(url)” is not udp://, tcp:// or tls://HOST:PORT, and not https:// with a "
        + "secretFile"
    case .notARole(let subject, let role):
      "roles: “\(subject)” must be os:NAME, group:NAME, manager:NAME, libvirt:NAME, directory:NAME "
        + "or client:NAME, and “\(role)” administrator, vpg-operator, tester, viewer or none"
    }
  }
}
