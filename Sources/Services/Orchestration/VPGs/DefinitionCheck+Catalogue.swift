// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

package import RecoveryModel
internal import Scripts

// What a manager keeps itself and definitions name: organisations, service profiles, scripts.
//
// What a definition says already may have been there once; it must not stand in the way of a change
// of something else. So only what differs from `old` is looked at.

extension DefinitionCheck {
  /// Takes over how the manager itself writes the identifiers: clients write them in any case.
  package mutating func checkCatalogue(
    organisations: [Organisation],
    profiles: [ServiceProfile],
    changing old: VPGDefinition?
  ) {
    definition.policy.zorg = known(
      definition.policy.zorg,
      instead: old?.policy.zorg,
      among: organisations.map(\.identifier),
      "Basic.ZorgIdentifier",
      "organisation"
    )
    definition.policy.serviceProfile = known(
      definition.policy.serviceProfile,
      instead: old?.policy.serviceProfile,
      among: profiles.map(\.identifier),
      "Basic.ServiceProfileIdentifier",
      "service profile"
    )
  }

  private mutating func known(
    _ wanted: String?,
    instead old: String?,
    among all: [String],
    _ member: String,
    _ what: String
  ) -> String? {
    guard let wanted, wanted != old else { return wanted }
    guard let found = all.first(where: { $0.lowercased() == wanted.lowercased() }) else {
      note(member, "there is no \(what) \(wanted)")
      return wanted
    }
    return found
  }

  /// The scripts that the recovery site would run, as that site has them.
  mutating func checkScripts(in folders: ScriptFolders, changing old: VPGDefinition?) {
    for (member, command) in newCommands(old) {
      do throws(ScriptError) { try folders.check(command) } catch {
        note(member, error.message)
      }
    }
  }

  /// Paths that are out of the folder of scripts wherever that is.
  mutating func checkScriptPaths(changing old: VPGDefinition?) {
    for (member, command) in newCommands(old)
    where command.hasControlCharacters || command.split(separator: "/").contains("..") {
      note(member, "\(command.visible) is no path of a script in the repository of scripts")
    }
  }

  private func newCommands(_ old: VPGDefinition?) -> [(member: String, command: String)] {
    let (new, kept) = (definition.scripting, old?.scripting)
    let all = [
      ("PreRecovery", new.preRecovery.command, kept?.preRecovery.command),
      ("PostRecovery", new.postRecovery.command, kept?.postRecovery.command),
      ("PostBackup", new.postBackup?.command, kept?.postBackup?.command),
    ]
    return all.compactMap { name, command, before in
      guard let command, command != before else { return nil }
      return ("Scripting.\(name).Command", command)
    }
  }
}

extension String {
  /// Whether it holds what a name in one line cannot: line breaks, bells and their like.
  package var hasControlCharacters: Bool { unicodeScalars.contains(where: Self.isControl) }

  /// The same without such characters.
  fileprivate var visible: String {
    var text = ""
    text.unicodeScalars.append(contentsOf: unicodeScalars.filter { !Self.isControl($0) })
    return text
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
