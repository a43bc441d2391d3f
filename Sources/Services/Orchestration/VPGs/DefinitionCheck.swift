// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
package import Store

/// Whether a VPG's definition can be carried out: what each site has is compared with what the
/// definition names.
///
/// Everything that is wrong is collected. A problem begins with the name that the API's settings
/// have for the member, so that whoever committed them finds it.
package struct DefinitionCheck {
  /// The definition; complete once the protected site's inventory was seen.
  var definition: VPGDefinition
  private(set) var problems: [String] = []

  /// VPGs that one VM can be in, as API clients know it.
  static let vpgLimitOfVM = 3
  private static let historyInHours = 1...720
  private static let rpoInSeconds = 1...86_400
  private static let testIntervalInMinutes = 0...5_256_000
  private static let checkpointIntervalInSeconds = 1...3600
  private static let quiescedIntervalInMinutes = 1...10_080
  private static let bootDelayInSeconds = 0...86_400
  private static let scriptTimeoutInSeconds = 1...86_400

  package init(_ definition: VPGDefinition) { self.definition = definition }

  /// The definition if nothing is wrong with it.
  @discardableResult
  package func finish() throws(SiteError) -> VPGDefinition {
    guard problems.isEmpty else { throw .rejected(problems) }
    return definition
  }

  mutating func note(_ member: String, _ text: String) { problems.append("\(member): \(text)") }

  /// Takes what the other site found.
  mutating func note(_ found: [String]) { problems += found }

  /// How a VM's entry is called.
  static func member(_ vm: VPGDefinition.ProtectedVM) -> String {
    "Vms[\(vm.name.isEmpty ? vm.identifier.rawValue : vm.name)]"
  }

  // MARK: What needs no site

  /// `others` are the VPGs of this site; the definition's own may be among them.
  package mutating func checkItself(others: [VPGRecord]) {
    checkName(others)
    if definition.protectedSite.rawValue.isEmpty {
      note("Basic.ProtectedSiteIdentifier", "it is missing")
    }
    if definition.recoverySite.rawValue.isEmpty {
      note("Basic.RecoverySiteIdentifier", "it is missing")
    }
    checkPolicy()
    checkBootGroups()
    checkScripts()
    checkScriptPaths(changing: Self.kept(definition, others))
    checkRetention()
    checkLimits(definition.journal, "Journal")
    checkLimits(definition.scratch, "Scratch")
    var seen: Set<VMIdentifier> = []
    let groups = Set(definition.bootGroups.map(\.identifier))
    for vm in definition.vms {
      let member = Self.member(vm)
      if !seen.insert(vm.identifier).inserted { note(member, "the VM is listed twice") }
      if let group = vm.bootGroup, !groups.contains(group) {
        note("\(member).BootGroupIdentifier", "there is no boot group \(group)")
      }
      if let limits = vm.journal { checkLimits(limits, "\(member).Journal") }
      if let limits = vm.scratch { checkLimits(limits, "\(member).Scratch") }
    }
  }

  mutating func checkName(_ others: [VPGRecord]) {
    let name = definition.name
    guard !name.allSatisfy(\.isWhitespace) else { return note("Basic.Name", "it is missing") }
    guard name.count <= 200 else { return note("Basic.Name", "it has more than 200 characters") }
    // One that was given such a name once can still be changed.
    if name.hasControlCharacters, name != Self.kept(definition, others)?.name {
      note("Basic.Name", "it has line breaks or other control characters")
    }
    for other in others
    where other.definition.identifier != definition.identifier
      && other.definition.name.lowercased() == name.lowercased()
    {
      note("Basic.Name", "there is a VPG named \(other.definition.name) already")
    }
  }

  /// The definition as it was.
  private static func kept(_ definition: VPGDefinition, _ others: [VPGRecord]) -> VPGDefinition? {
    others.first { $0.definition.identifier == definition.identifier }?.definition
  }

  private mutating func checkPolicy() {
    let policy = definition.policy
    require(policy.journalHistoryInHours, in: Self.historyInHours, "Basic.JournalHistoryInHours")
    require(policy.rpoTargetInSeconds, in: Self.rpoInSeconds, "Basic.RpoInSeconds")
    require(
      policy.testIntervalInMinutes,
      in: Self.testIntervalInMinutes,
      "Basic.TestIntervalInMinutes"
    )
    require(
      policy.checkpointIntervalInSeconds,
      in: Self.checkpointIntervalInSeconds,
      "the checkpoint interval in seconds"
    )
    if let minutes = policy.quiescedIntervalInMinutes {
      require(
        minutes,
        in: Self.quiescedIntervalInMinutes,
        "the interval of application-consistent checkpoints in minutes"
      )
    }
  }

  private mutating func checkBootGroups() {
    var seen: Set<String> = []
    for group in definition.bootGroups {
      if !seen.insert(group.identifier).inserted {
        note("BootGroups", "the boot group \(group.identifier) is listed twice")
      }
      require(
        group.delayInSeconds,
        in: Self.bootDelayInSeconds,
        "BootGroups[\(group.name)].BootDelayInSeconds"
      )
    }
  }

  private mutating func checkScripts() {
    let scripting = definition.scripting
    for (member, script) in [
      ("PreRecovery", scripting.preRecovery), ("PostRecovery", scripting.postRecovery),
      ("PostBackup", scripting.postBackup ?? VPGDefinition.Script()),
    ] where script.command != nil {
      require(
        script.timeoutInSeconds,
        in: Self.scriptTimeoutInSeconds,
        "Scripting.\(member).TimeoutInSeconds"
      )
    }
  }

  mutating func require(_ value: Int, in range: ClosedRange<Int>, _ member: String) {
    guard !range.contains(value) else { return }
    note(member, "it is \(value); it can be \(range.lowerBound) to \(range.upperBound)")
  }

  /// Zero is no limit, like nothing at all.
  private mutating func checkLimits(_ limits: VPGDefinition.StorageLimits, _ member: String) {
    let member = "\(member).Limitation"
    for (name, megabytes, percent) in [
      ("HardLimit", limits.hardLimitInMB ?? 0, limits.hardLimitInPercent ?? 0),
      ("WarningThreshold", limits.warningThresholdInMB ?? 0, limits.warningThresholdInPercent ?? 0),
    ] {
      if megabytes > 0 && percent > 0 {
        note("\(member).\(name)InMB", "it is given in megabytes and in percent; choose one")
      }
      if megabytes < 0 { note("\(member).\(name)InMB", "it is negative") }
      if percent < 0 { note("\(member).\(name)InPercent", "it is negative") }
    }
    for (unit, hard, warning) in [
      ("MB", limits.hardLimitInMB ?? 0, limits.warningThresholdInMB ?? 0),
      ("Percent", limits.hardLimitInPercent ?? 0, limits.warningThresholdInPercent ?? 0),
    ] where hard > 0 && warning > hard {
      note("\(member).WarningThresholdIn\(unit)", "the warning is above the hard limit")
    }
  }
}
