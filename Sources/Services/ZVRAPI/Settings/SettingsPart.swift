// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A sub-object of the settings that has calls of its own.
enum SettingsPart: String, CaseIterable {
  case basic
  case bootgroup
  case journal
  case scratch
  case networks
  case recovery
  case scripting
  case ltr
  case backup

  /// The member of the settings tree.
  var member: String {
    switch self {
    case .basic: "Basic"
    case .bootgroup: "BootGroups"
    case .journal: "Journal"
    case .scratch: "Scratch"
    case .networks: "Networks"
    case .recovery: "Recovery"
    case .scripting: "Scripting"
    case .ltr: "LongTermRetention"
    case .backup: "Backup"
    }
  }

  var shape: ObjectShape {
    switch self {
    case .basic: SettingsShapes.basic
    case .bootgroup: SettingsShapes.bootGroups
    case .journal: SettingsShapes.journal
    case .scratch: SettingsShapes.scratch
    case .networks: SettingsShapes.networks
    case .recovery: SettingsShapes.recovery
    case .scripting: SettingsShapes.scripting
    case .ltr: RetentionShapes.retention
    case .backup: RetentionShapes.backup
    }
  }

  /// What the member is when nobody has set it: these two are null.
  var initial: APIValue {
    switch self {
    case .ltr, .backup: .null
    case .basic, .bootgroup, .journal, .scratch, .networks, .recovery, .scripting:
      .object(shape.blank)
    }
  }
}
