// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import RecoveryModel
internal import Store

/// Those who know something about VPGs.
struct VPGWitnesses: Sendable {
  let context: SiteContext
  let keeper: ProtectionKeeper
  let recovery: any RecoveryOperating
  let meter: ResourceMeter

  /// A judge who has heard each of them once, for as many VPGs as a listing has.
  func judge(of records: [VPGRecord]) async -> VPGJudge {
    let appliances = await context.appliances.sightings
    var names = await context.peers.names()
    names[context.site] = context.settings.name
    let peers = await context.peers.sightings
    return VPGJudge(
      site: context.site,
      siteNames: names,
      appliances: appliances,
      resting: await context.resting(of: records, in: appliances),
      peers: peers,
      troubles: await keeper.troubles,
      recoveries: await recovery.progress(),
      readings: await meter.readings,
      splitBrains: await splitBrains.find(among: records, peers),
      now: context.now()
    )
  }

  var splitBrains: SplitBrainFinder { SplitBrainFinder(context: context, recovery: recovery) }

  func judge(of record: VPGRecord) async -> VPGJudge { await judge(of: [record]) }
}
