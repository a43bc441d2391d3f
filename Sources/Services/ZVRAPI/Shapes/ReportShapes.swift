// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// Samples of resources and reports of recoveries as the API shows them.

extension APIValue {
  /// A sample in the flat form.
  ///
  /// Bills sum these numbers: what was not measured is zero, except processor and memory use.
  static func resourcesInfo(_ sample: ResourceSample, _ links: Links) -> APIValue {
    let (own, other) = (sample.protected, sample.recovery)
    let halves = sample.vm.rawValue.split(separator: ".", maxSplits: 1).map(String.init)
    return .object(
      "VmResourcesInfo",
      [
        "ActiveGuestMemoryInMB": .integer(own.activeMemoryInMB),
        "BandwidthInBytes": .double(sample.bandwidth),
        "ConsumedHostMemoryInMB": .integer(own.consumedMemoryInMB),
        "CpuLimitInMhz": .integer(own.cpuLimitInMHz ?? 0),
        "CpuReservedInMhz": .integer(0),
        "CpuUsedInMhz": .integer(own.cpuUsedInMHz),
        "CrmId": .string(""),
        "MemoryInMB": .integer(own.memoryInMB),
        "MemoryLimitInMB": .integer(own.memoryLimitInMB ?? 0),
        "MemoryReservedInMB": .integer(own.memoryReservedInMB ?? 0),
        "NumberOfVolumes": .integer(own.volumeCount),
        "NumberOfvCpu": .integer(own.cpuCount),
        "RecoveryJournalProvisionedStorageInGB": gigabytes(other.journalLimitByteCount),
        "RecoveryJournalUsedStorageInGB": gigabytes(other.journalUsedByteCount),
        "RecoveryVolumesProvisionedStorageInGB": gigabytes(other.provisionedByteCount),
        "RecoveryVolumesUsedStorageInGB": gigabytes(other.usedByteCount),
        "ServiceProfile": .text(
          sample.serviceProfile.map { links.href("serviceprofiles/\($0)") }
        ),
        "SourceCluster": .null,
        "SourceHost": .string(own.hostName),
        "SourceOrgVDC": .null,
        "SourceResourcePool": .null,
        "SourceSite": .string(own.siteName),
        "SourceVCDOrg": .null,
        "SourceVolumesProvisionedStorageInGB": gigabytes(own.provisionedByteCount),
        "SourceVolumesUsedStorageInGB": gigabytes(own.usedByteCount),
        "SourceVraName": .string(own.applianceName),
        "StorageProfile": .null,
        "TargetCluster": .null,
        "TargetDatastores": .string(other.datastoreNames.joined(separator: ", ")),
        "TargetHost": .string(other.hostName),
        "TargetOrgVDC": .null,
        "TargetResourcePool": .null,
        "TargetSite": .string(other.siteName),
        "TargetVCDOrg": .null,
        "TargetVraName": .string(other.applianceName),
        "ThroughputInBytes": .double(sample.throughput),
        "Timestamp": .date(sample.time),
        "VmHardwareVersion": .string(own.hardwareVersion),
        "VmId": .object(
          "VmResourceIdentifier",
          [
            "InternalVmName": .string(halves.last ?? ""),
            "ServerIdentifier": .object(
              "VmResourceServerIdentifier",
              ["ServerGuid": .string(halves.count == 2 ? halves[0] : "")]
            ),
          ]
        ),
        "VmName": .string(sample.vmName),
        "VpgName": .string(sample.vpgName),
        "VpgType": .string("Remote"),
        "Zorg": links.zorg(sample.organisation).object?["href"] ?? .null,
      ]
    )
  }

  /// A sample in the nested form.
  static func resourceReport(_ sample: ResourceSample, _ names: CatalogueNames) -> APIValue {
    .object(
      "VmResourcesReportApi",
      [
        "SampleTime": .date(sample.time),
        "Performance": .object(
          "PerformanceResourceReportApi",
          [
            "BandwidthInBps": .double(sample.bandwidth),
            "ThroughputInBps": .double(sample.throughput),
          ]
        ),
        "Vpg": .object(
          "VpgResourceReportApi",
          [
            "CrmIdentifier": .string(""),
            "ServiceProfileName": .string(names.profile(sample.serviceProfile)),
            "VpgName": .string(sample.vpgName),
            "ProtectedAndRecoveryType": .string("Remote"),
            "ZorgName": .string(names.organisation(sample.organisation)),
          ]
        ),
        "ProtectedSite": protectedSite(sample),
        "RecoverySite": recoverySite(sample),
      ]
    )
  }

  private static func protectedSite(_ sample: ResourceSample) -> APIValue {
    let own = sample.protected
    return .object(
      "ProtectedSiteResourceReportApi",
      [
        "Compute": .object(
          "ProtectedComputeResourceReportApi",
          [
            "ClusterName": .null,
            "HostName": .string(own.hostName),
            "VraName": .string(own.applianceName),
            "OrgVdcName": .null,
            "ResourcePoolName": .null,
          ]
        ),
        "Storage": .object(
          "ProtectedStorageResourceReportApi",
          [
            "NumberOfVolumes": .integer(own.volumeCount),
            "VolumesProvisionedStorageInGB": gigabytes(own.provisionedByteCount),
            "VolumesUsedStorageInGB": gigabytes(own.usedByteCount),
          ]
        ),
        "VmInfo": .object(
          "VmInfoResourceReportApi",
          [
            "HardwareVersion": .string(own.hardwareVersion),
            "VmIdentifier": .identifier(sample.vm),
            "VmName": .string(sample.vmName),
            "Cpu": .object(
              "CpuResourceReportApi",
              [
                "CpuLimitationInMhz": .integer(own.cpuLimitInMHz ?? 0),
                "CpuReservedInMhz": .integer(0),
                "NumberOfvCpus": .integer(own.cpuCount),
                "CpuUsedInMhz": .integer(own.cpuUsedInMHz ?? 0),
              ]
            ),
            "Memory": .object(
              "MemoryResourceReportApi",
              [
                "ActiveGuestMemoryInMB": .integer(own.activeMemoryInMB ?? 0),
                "ConsumedHostMemoryInMB": .integer(own.consumedMemoryInMB ?? 0),
                "MemoryInMB": .integer(own.memoryInMB),
                "MemoryLimitationInMB": .integer(own.memoryLimitInMB ?? 0),
                "MemoryReservedInMB": .integer(own.memoryReservedInMB ?? 0),
              ]
            ),
          ]
        ),
        "SiteName": .string(own.siteName),
        "VcdOrgName": .null,
      ]
    )
  }

  private static func recoverySite(_ sample: ResourceSample) -> APIValue {
    let other = sample.recovery
    return .object(
      "RecoverySiteResourceReportApi",
      [
        "Compute": .object(
          "RecoveryComputeResourceReportApi",
          [
            "FailoverOrMoveInstanceType": .null,
            "FailoverOrMoveInstanceFamily": .null,
            "FailoverTestInstanceType": .null,
            "FailoverTestInstanceFamily": .null,
            "ClusterName": .null,
            "HostName": .string(other.hostName),
            "VraName": .string(other.applianceName),
            "OrgVdcName": .null,
            "ResourcePoolName": .null,
          ]
        ),
        "Storage": .object(
          "RecoveryStorageResourceReportApi",
          [
            "JournalProvisionedStorageInGB": gigabytes(other.journalLimitByteCount),
            "JournalUsedStorageInGB": gigabytes(other.journalUsedByteCount),
            "DatastoreName": .string(other.datastoreNames.joined(separator: ", ")),
            "StoragePolicyName": .null,
            "VolumesProvisionedStorageInGB": gigabytes(other.provisionedByteCount),
            "VolumesUsedStorageInGB": gigabytes(other.usedByteCount),
          ]
        ),
        "SiteName": .string(other.siteName),
        "VcdOrgName": .null,
      ]
    )
  }

  private static func gigabytes(_ count: UInt64) -> APIValue {
    .double(Double(count) / Double(1 << 30))
  }
}
