// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Orchestration
internal import RecoveryModel

// Appliances as the API shows them.

extension APIValue {
  static func vra(_ appliance: ApplianceView, _ links: Links) -> APIValue {
    let number = String(appliance.number)
    return .object(
      "VraApi",
      [
        "VraIdentifier": .integer(appliance.number),
        "VraIdentifierStr": .string(number),
        "VraName": .string(appliance.identifier.rawValue),
        "Status": APIEnumerations.vraStatus.value(0),
        "UpgradeStatus": APIEnumerations.vraUpgradeStatus.value(0),
        "Progress": .integer(Int64(0)),
        "VraVersion": .string(appliance.version),
        "VraDisplayVersion": .string(appliance.version),
        "HostVersion": .string(appliance.hostVersion),
        "HostIdentifier": .identifier(appliance.host),
        "HostDisplayName": .string(appliance.hostName),
        "IpAddress": .string(appliance.address),
        "VraNetworkDataApi": .object(
          "VraNetworkDataApi",
          [
            "VraIPConfigurationTypeApi": APIEnumerations.vraIPConfigurationType.value(1),
            "VraIPAddress": .string(appliance.address),
            "VraIPAddressRangeEnd": .null,
            "SubnetMask": .null,
            "DefaultGateway": .null,
          ]
        ),
        "VraGroup": .string(appliance.group),
        "MemoryInGB": .integer(appliance.memoryInGB),
        "NumOfCpus": .integer(appliance.cpuCount),
        "DatastoreName": .null,
        "DatastoreIdentifier": .null,
        "DatastoreClusterName": .null,
        "DatastoreClusterIdentifier": .null,
        "NetworkName": .null,
        "NetworkIdentifier": .null,
        "VmInstanceType": .null,
        "ProtectedCounters": counters(appliance.protected),
        "RecoveryCounters": counters(appliance.recovery),
        "SelfProtectedVpgs": .integer(appliance.selfProtectedVPGs),
        "VraAlerts": .object(
          "VraAlertsApi",
          [
            "VraAlertsStatus": APIEnumerations.alertStatus.value(
              appliance.alertLevel?.rawValue ?? 0
            )
          ]
        ),
        "IsGhost": .bool(false),
        "IsVaio": .bool(false),
        "PlatformInformation": .null,
        "Link": links.link("VraApi", "vras", number),
        "Link_{0}": links.selfLink("VraApi", "vras", number),
      ]
    )
  }

  private static func counters(_ counters: ApplianceView.Counters) -> APIValue {
    .object(
      "VraProtectionCountersApi",
      [
        "Vpgs": .integer(counters.vpgs),
        "Vms": .integer(counters.vms),
        "Volumes": .integer(counters.volumes),
      ]
    )
  }
}
