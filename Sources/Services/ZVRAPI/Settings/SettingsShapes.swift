// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The settings object that VPGs are made and edited with, member by member.
///
/// Values of platforms that are not here (Cloud Director, public clouds, clusters of datastores)
/// are always null.
enum SettingsShapes {
  private static let cloudDirector = "Cloud Director values"
  private static let publicCloud = "public cloud values"
  private static let clusters = "clusters of datastores"

  static let basic = ObjectShape(
    "VpgSettingsBasicApi",
    [
      .text("Name"),
      .enumerated("VpgType", APIEnumerations.vpgType, 0),
      .integer("RpoInSeconds", 300),
      .integer("TestIntervalInMinutes", 262_080),
      .integer("JournalHistoryInHours", 24),
      .enumerated("Priority", APIEnumerations.vpgPriority, 1),
      .flag("UseWanCompression", true),
      .text("ServiceProfileIdentifier"),
      .text("ZorgIdentifier"),
      .text("ProtectedSiteIdentifier"),
      .text("RecoverySiteIdentifier"),
    ]
  )

  static let bootGroup = ObjectShape(
    "VpgSettingsBootGroupApi",
    [.text("BootGroupIdentifier"), .text("Name"), .integer("BootDelayInSeconds")]
  )

  static let bootGroups = ObjectShape(
    "VpgSettingsBootGroupsApi",
    [
      .list(
        "BootGroups",
        bootGroup,
        [
          APIObject(
            type: bootGroup.type,
            members: [
              APIMember(
                name: "BootGroupIdentifier",
                value: .string("00000000-0000-0000-0000-000000000000")
              ),
              APIMember(name: "Name", value: .string("Default")),
              APIMember(name: "BootDelayInSeconds", value: .integer(0)),
            ]
          )
        ]
      )
    ]
  )

  static let journal = storage(
    "VpgSettingsJournalApi",
    limitation: "VpgSettingsJournalLimitationApi",
    hardLimit: 153_600,
    warning: 115_200
  )

  static let scratch = storage(
    "VpgSettingsScratchApi",
    limitation: "VpgSettingsScratchLimitationApi",
    hardLimit: 307_200,
    warning: 230_400
  )

  static let network = ObjectShape(
    "VpgSettingsNetworkApi",
    [
      .object(
        "Hypervisor",
        ObjectShape("VpgSettingsHypervisorNetworkApi", [.text("DefaultNetworkIdentifier")])
      ),
      .foreign("VCD", cloudDirector),
      .foreign("PublicCloud", publicCloud),
    ]
  )

  static let networks = ObjectShape(
    "VpgSettingsNetworksApi",
    [.object("Failover", network), .object("FailoverTest", network)]
  )

  static let recovery = ObjectShape(
    "VpgSettingsRecoveryApi",
    [
      .text("DefaultHostIdentifier"),
      .text("DefaultHostClusterIdentifier"),
      .text("DefaultDatastoreIdentifier"),
      .foreign("DefaultDatastoreClusterIdentifier", clusters),
      .text("DefaultFolderIdentifier"),
      .text("ResourcePoolIdentifier"),
      .text("DefaultResourcePoolIdentifier"),
      .foreign("VCD", cloudDirector),
      .foreign("PublicCloud", publicCloud),
    ]
  )

  static let script = ObjectShape(
    "VpgSettingsScriptApi",
    [.text("Command"), .text("Parameters"), .integer("TimeoutInSeconds", 300)]
  )

  static let scripting = ObjectShape(
    "VpgSettingsScriptsApi",
    [
      .object("PreRecovery", script), .object("PostRecovery", script),
      .optionalObject("PostBackup", script),
    ]
  )

  static let nicHypervisor = ObjectShape(
    "VpgSettingsVmNicHypervisorNetworkApi",
    [
      .text("NetworkIdentifier"),
      .flag("ShouldReplaceMacAddress", false),
      .text("DnsSuffix"),
      .optionalObject("IpConfig", ipConfiguration),
      // Nil, not false: clients that only give addresses want them to be set.
      .flag("ShouldReplaceIpConfiguration"),
    ]
  )

  static let ipConfiguration = ObjectShape(
    "VpgSettingsVmNicHypervisorIpConfig",
    [
      .text("StaticIp"), .text("SubnetMask"), .text("Gateway"), .text("PrimaryDns"),
      .text("SecondaryDns"), .flag("IsDhcp", false),
    ]
  )

  static let nicNetwork = ObjectShape(
    "VpgSettingsVmNicNetworkApi",
    [
      .object("Hypervisor", nicHypervisor), .foreign("VCD", cloudDirector),
      .foreign("PublicCloud", publicCloud),
    ]
  )

  static let nic = ObjectShape(
    "VpgSettingsVmNicApi",
    [
      .fixed("NicIdentifier"), .object("FailoverTest", nicNetwork),
      .object("Failover", nicNetwork),
    ]
  )

  static let preseed = ObjectShape(
    "VpgSettingsVmVolumePreseedApi",
    [.text("DatastoreIdentifier"), .text("Path")]
  )

  static let volume = ObjectShape(
    "VpgSettingsVmVolumeApi",
    [
      .fixed("VolumeIdentifier"),
      .foreign("VCD", cloudDirector),
      .optionalObject("Preseed", preseed),
      .foreign("RDM", "raw device mappings"),
      .object(
        "Datastore",
        ObjectShape(
          "VpgSettingsVmVolumeDatastoreApi",
          [
            .foreign("DatastoreClusterIdentifier", clusters), .text("DatastoreIdentifier"),
            .flag("IsThin", true),
          ]
        )
      ),
      .text("VolumeSyncSettings", "ContinuousSync"),
      .flag("IsSwap"),
    ]
  )

  static let vmRecovery = ObjectShape(
    "VpgSettingsVmRecoveryApi",
    [
      .text("HostIdentifier"),
      .text("HostClusterIdentifier"),
      .text("DatastoreIdentifier"),
      .foreign("DatastoreClusterIdentifier", clusters),
      .text("FolderIdentifier"),
      .text("ResourcePoolIdentifier"),
      .foreign("VCD", cloudDirector),
      .foreign("PublicCloud", publicCloud),
    ]
  )

  static let vm = ObjectShape(
    "VpgSettingsVmApi",
    [
      .fixed("VmIdentifier"),
      .object("Recovery", vmRecovery),
      .text("BootGroupIdentifier", "00000000-0000-0000-0000-000000000000"),
      .object(
        "Journal",
        storage(
          "VpgSettingsVmJournalApi",
          limitation: "VpgSettingsVmJournalLimitationApi",
          hardLimit: nil,
          warning: nil
        )
      ),
      .object(
        "Scratch",
        storage(
          "VpgSettingsScratchApi",
          limitation: "VpgSettingsScratchLimitationApi",
          hardLimit: nil,
          warning: nil
        )
      ),
      .keyedList("Volumes", volume, key: "VolumeIdentifier"),
      .keyedList("Nics", nic, key: "NicIdentifier"),
    ]
  )

  static let tree = ObjectShape(
    "VpgSettingsApi",
    [
      .fixed("VpgIdentifier"),
      .fixed("VpgSettingsIdentifier"),
      .object("Basic", basic),
      .object("BootGroups", bootGroups),
      .object("Journal", journal),
      .object("Scratch", scratch),
      .object("Networks", networks),
      .object("Recovery", recovery),
      .object("Scripting", scripting),
      .optionalObject("LongTermRetention", RetentionShapes.retention),
      .foreign("Protected", cloudDirector),
      .optionalObject("Backup", RetentionShapes.backup),
      .keyedList("Vms", vm, key: "VmIdentifier"),
    ]
  )

  private static func storage(
    _ type: String,
    limitation: String,
    hardLimit: Int?,
    warning: Int?
  ) -> ObjectShape {
    ObjectShape(
      type,
      [
        .object(
          "Limitation",
          ObjectShape(
            limitation,
            [
              .integer("HardLimitInMB", hardLimit), .integer("HardLimitInPercent"),
              .integer("WarningThresholdInMB", warning), .integer("WarningThresholdInPercent"),
            ]
          )
        ),
        .text("DatastoreIdentifier"),
        .foreign("DatastoreClusterIdentifier", clusters),
      ]
    )
  }
}
