// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension APISpecification {
  /// Tokens, tweaks, recovery scripts, encryption detection: calls.
  static let applianceCalls = """
    POST /auth/realms/zerto/protocol/openid-connect/token < TokenRequestForm form
      -> SuccessTokenResult
    GET /management/api/settings/v1/settings -> anything
    GET /management/api/swagger/index.html -> page
    GET /management/api/tweaks/v1.0/zvmTweaks -> [TweakApi]
    GET /management/api/tweaks/v1.0/zvmTweaks/{tweakName} -> TweakApi
    POST /management/api/tweaks/v1/zvmTweaks < TweakApi -> TweakApi
    DELETE /management/api/tweaks/v1/zvmTweaks/{tweakName} -> nothing
    GET /swagger/index.html -> page
    POST /v1/encryptionDetection/dismissEvent < VpgIdentifiersApi -> nothing
    GET /v1/encryptionDetection/metrics/vms -> [MetricsVmApi]
    GET /v1/encryptionDetection/metrics/volumes -> [MetricsVolumeApi]
    GET /v1/encryptionDetection/metrics/vpgs -> [MetricsVpgApi]
    GET /v1/encryptionDetection/state -> SettingsApi
    POST /v1/encryptionDetection/state < SettingsApi -> nothing
    GET /v1/encryptionDetection/suspected/vms -> [SuspectedVmApi]
    GET /v1/encryptionDetection/suspected/volumes -> [SuspectedVolumeApi]
    GET /v1/encryptionDetection/suspected/vpgs -> [SuspectedVpgApi]
    DELETE /v1/recoveryScripts/output/files -> nothing
      ? path string
    GET /v1/recoveryScripts/output/files -> binary
      ? path string
    DELETE /v1/recoveryScripts/output/folders -> nothing
      ? path string, deleteIfNotEmpty boolean
    POST /v1/recoveryScripts/output/folders < CreateFolderApi -> nothing
    GET /v1/recoveryScripts/output/items -> ListItemsResultApi
      ? path string, search string
    DELETE /v1/recoveryScripts/repository/files -> nothing
      ? path string
    GET /v1/recoveryScripts/repository/files -> binary
      ? path string
    POST /v1/recoveryScripts/repository/files < ScriptUploadForm form -> nothing
    DELETE /v1/recoveryScripts/repository/folders -> nothing
      ? path string, deleteIfNotEmpty boolean
    POST /v1/recoveryScripts/repository/folders < CreateFolderApi -> nothing
    GET /v1/recoveryScripts/repository/items -> ListItemsResultApi
      ? path string, search string
    GET /v1/statistics/vms -> [VmStatisticsApi]
    """

  /// Tokens, tweaks, recovery scripts, encryption detection: objects.
  static let applianceObjects = """
    AssociatedVmApi
      Identifier string?, Name string?
    AssociatedVpgApi
      Identifier string?, Name string?
    CreateFolderApi
      Path string?
    ItemApi
      Name string?, Path string?, Type integer:ScriptItemType, CreatedAt datetime
    ListItemsResultApi
      Items [ItemApi]?
    MetricsApi
      NonEncryptedData long, EncryptedData long, TrendChangeLevel integer
    MetricsVmApi
      Link RwVmResourceLink?, AssociatedVpgs [AssociatedVpgApi]?, EncryptionMetrics MetricsApi?
    MetricsVolumeApi
      VolumeIdentifier string?, AssociatedVm AssociatedVmApi?,
      AssociatedVpgs [AssociatedVpgApi]?, EncryptionMetrics MetricsApi?
    MetricsVpgApi
      Link RwResourceLink?, EncryptionMetrics MetricsApi?
    RwResourceLink
      rel string?, href string?, type string?, identifier string?, name string?
    RwVmResourceLink
      instance_identifier string?, rel string?, href string?, type string?, identifier string?,
      name string?
    RwVolumeDatastoreApi
      Identifier string?, Name string?
    RwVolumePathApi
      Full string?, Relative string?, FileName string?
    RwVolumeSizeApi
      UsedInBytes long, ProvisionedInBytes long
    ScriptUploadForm
      file binary, path string, overwriteExisting boolean
    SettingsApi
      EncryptionDetectionEnabled boolean
    SuccessTokenResult
      access_token string, expires_in integer, refresh_expires_in integer, refresh_token string,
      token_type string, not-before-policy integer, session_state string, scope string
    SuspectedVmApi
      Link RwVmResourceLink?, SuspicionLevel integer, AssociatedVpgs [AssociatedVpgApi]?
    SuspectedVolumeApi
      VolumeType string:VolumeType?, VolumeIdentifier string?, Path RwVolumePathApi?,
      Size RwVolumeSizeApi?, Datastore RwVolumeDatastoreApi?, AssociatedVm AssociatedVmApi?,
      AssociatedVpgs [AssociatedVpgApi]?, SuspicionLevel integer
    SuspectedVpgApi
      Link RwResourceLink?, SuspicionLevel integer
    TokenRequestForm
      grant_type string:KeycloakGrantType, client_id string, username string, password string,
      client_secret string?, refresh_token string?, scope string?, expires_in integer?
    TweakApi
      name string, type string:TweakType, value string?, comment string?
    VmStatisticsApi
      VmIdentifier string?, VpgIdentifier string?, IoOperationsCounter long,
      WriteCounterInMBs long, SyncCounterInMBs long, NetworkTrafficCounterInMBs long,
      SampleTime string?
    VpgIdentifiersApi
      VpgIdentifiers [string]?
    """
}
