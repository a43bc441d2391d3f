// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import RecoveryModel
import Testing

@Suite struct TapReconcilerTests {
  static let a = VolumeIdentifier("scsi:0:0")
  static let b = VolumeIdentifier("scsi:0:1")

  /// A VM that is protected as it should be.
  static var settled: TapReconciler.Facts {
    TapReconciler.Facts(
      wish: .protect,
      volumes: [a, b],
      isVMRunning: true,
      taps: [a: true, b: true],
      appliance: TapReconciler.Appliance(
        hasRequest: true,
        stream: TapReconciler.Stream(
          sync: .ordered,
          needsSync: false,
          isConnected: true,
          connectedVolumes: [a, b]
        )
      )
    )
  }

  /// A reconciler that has nothing left to do about the settled VM.
  static var calm: TapReconciler {
    var reconciler = TapReconciler()
    reconciler.carriedOut(.closePull)
    return reconciler
  }

  @Test func `a manager that finds all as it should be does nothing but close the pull`() {
    var reconciler = TapReconciler()
    #expect(reconciler.actions(for: Self.settled) == [.closePull])
    reconciler.carriedOut(.closePull)
    #expect(reconciler.actions(for: Self.settled) == [])
  }

  @Test func `a new VM gets its stream, then its taps, then a sync`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.taps = [:]
    facts.appliance = TapReconciler.Appliance(hasRequest: false, stream: nil)
    #expect(reconciler.actions(for: facts) == [.protect])

    facts.appliance = TapReconciler.Appliance(
      hasRequest: true,
      stream: TapReconciler.Stream(
        sync: .idle,
        needsSync: true,
        isConnected: true,
        connectedVolumes: []
      )
    )
    #expect(reconciler.actions(for: facts) == [.attach(Self.a), .attach(Self.b)])
    reconciler.carriedOut(.attach(Self.a))
    reconciler.carriedOut(.attach(Self.b))

    facts.taps = [Self.a: true, Self.b: true]
    facts.appliance?.stream?.connectedVolumes = [Self.a, Self.b]
    #expect(reconciler.actions(for: facts) == [.startSync])
    reconciler.carriedOut(.startSync)

    facts.appliance?.stream?.sync = .initialSync
    facts.appliance?.stream?.needsSync = false
    #expect(reconciler.actions(for: facts) == [])
    #expect(reconciler.actions(for: Self.settled) == [.closePull])
  }

  @Test func `an appliance that was restarted gets its request, all taps and a sync anew`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.taps = [Self.a: false, Self.b: false]
    facts.appliance = TapReconciler.Appliance(hasRequest: false, stream: nil)
    #expect(reconciler.actions(for: facts) == [.protect])
    facts.appliance = TapReconciler.Appliance(
      hasRequest: true,
      stream: TapReconciler.Stream(
        sync: .idle,
        needsSync: true,
        isConnected: true,
        connectedVolumes: []
      )
    )
    #expect(reconciler.actions(for: facts) == [.attach(Self.a), .attach(Self.b)])
  }

  @Test func `a tap that was attached owes a sync even if the appliance asks for none`() {
    var reconciler = Self.calm
    reconciler.carriedOut(.attach(Self.a))
    #expect(reconciler.actions(for: Self.settled) == [.startSync])
    reconciler.carriedOut(.startSync)
    #expect(reconciler.actions(for: Self.settled) == [.closePull])
  }

  @Test func `a tap without a connection is replaced when it is seen twice`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.appliance?.stream?.connectedVolumes = [Self.a]
    #expect(reconciler.actions(for: facts) == [])
    #expect(reconciler.actions(for: facts) == [.detach(Self.b), .attach(Self.b)])
  }

  @Test func `a connection that comes back in time is left alone`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.appliance?.stream?.connectedVolumes = [Self.a]
    #expect(reconciler.actions(for: facts) == [])
    #expect(reconciler.actions(for: Self.settled) == [])
    #expect(reconciler.actions(for: facts) == [])
  }

  @Test func `a sync waits for the link`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.appliance?.stream?.needsSync = true
    facts.appliance?.stream?.isConnected = false
    #expect(reconciler.actions(for: facts) == [])
    facts.appliance?.stream?.isConnected = true
    #expect(reconciler.actions(for: facts) == [.startSync])
  }

  @Test func `a pull stays open while a sync runs`() {
    var reconciler = TapReconciler()
    var facts = Self.settled
    facts.appliance?.stream?.sync = .deltaSync
    #expect(reconciler.actions(for: facts) == [])
  }

  @Test func `nothing is done about an appliance that does not answer`() {
    var reconciler = TapReconciler()
    var facts = Self.settled
    facts.taps = [Self.a: false]
    facts.appliance = nil
    #expect(reconciler.actions(for: facts) == [])
    facts.wish = .pause
    #expect(reconciler.actions(for: facts) == [])
  }

  @Test func `a VM that is off keeps its stream and gets no taps`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.isVMRunning = false
    facts.taps = [:]
    facts.appliance?.stream?.connectedVolumes = []
    #expect(reconciler.actions(for: facts) == [])
    facts.appliance = TapReconciler.Appliance(hasRequest: false, stream: nil)
    #expect(reconciler.actions(for: facts) == [.protect])
  }

  @Test func `a pause changes the request and leaves the taps`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.wish = .pause
    facts.appliance?.hasRequest = false
    #expect(reconciler.actions(for: facts) == [.protect])
    facts.appliance?.hasRequest = true
    facts.appliance?.stream?.needsSync = true
    #expect(reconciler.actions(for: facts) == [])
    facts.wish = .protect
    #expect(reconciler.actions(for: facts) == [.startSync])
  }

  @Test func `a release takes away taps, pull and stream, also from a dead appliance`() {
    var reconciler = TapReconciler()
    var facts = Self.settled
    facts.wish = .release
    #expect(
      reconciler.actions(for: facts) == [
        .detach(Self.a), .detach(Self.b), .closePull, .forget(Self.a), .forget(Self.b), .endStream,
      ]
    )
    facts.appliance = nil
    #expect(
      reconciler.actions(for: facts) == [
        .detach(Self.a), .detach(Self.b), .closePull, .forget(Self.a), .forget(Self.b),
      ]
    )
    reconciler.carriedOut(.closePull)
    facts.taps = [:]
    #expect(reconciler.actions(for: facts) == [.forget(Self.a), .forget(Self.b)])
    reconciler.carriedOut(.forget(Self.a))
    reconciler.carriedOut(.forget(Self.b))
    #expect(reconciler.actions(for: facts) == [])
  }

  @Test func `taps that other streams of the VM need stay when one ends`() {
    var reconciler = TapReconciler()
    var facts = Self.settled
    facts.wish = .release
    facts.shared = [Self.a]
    #expect(
      reconciler.actions(for: facts) == [
        .detach(Self.b), .closePull, .forget(Self.a), .forget(Self.b), .endStream,
      ]
    )
    for action in reconciler.actions(for: facts) { reconciler.carriedOut(action) }
    facts.taps = [Self.a: true]
    facts.appliance?.stream = nil
    #expect(reconciler.actions(for: facts) == [])
  }

  @Test func `a disk that only other streams of the VM have keeps its tap, and not our maps`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.volumes = [Self.a]
    facts.shared = [Self.a, Self.b]
    #expect(reconciler.actions(for: facts) == [.forget(Self.b)])
    reconciler.carriedOut(.forget(Self.b))
    #expect(reconciler.actions(for: facts) == [])
  }

  @Test func `a disk that is no longer protected loses its tap`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.volumes = [Self.a]
    #expect(reconciler.actions(for: facts) == [.detach(Self.b), .forget(Self.b)])
  }

  @Test func `a sync that waits to begin is not asked for again`() {
    var reconciler = TapReconciler()
    var facts = Self.settled
    facts.appliance?.stream?.sync = .idle
    #expect(reconciler.actions(for: facts) == [])
  }

  @Test func `a sync can be asked for`() {
    var reconciler = Self.calm
    reconciler.requestSync()
    #expect(reconciler.actions(for: Self.settled) == [.startSync])
  }

  @Test func `a suspended disk is freed, also from a dead appliance, and nothing is synced`() {
    var reconciler = TapReconciler()
    var facts = Self.settled
    facts.suspended = [Self.b]
    facts.appliance = nil
    #expect(reconciler.actions(for: facts) == [.detach(Self.b), .closePull])
    reconciler.carriedOut(.detach(Self.b))
    reconciler.carriedOut(.closePull)
    facts = Self.settled
    facts.suspended = [Self.b]
    facts.taps = [Self.a: true]
    facts.appliance?.stream?.connectedVolumes = [Self.a]
    facts.appliance?.stream?.needsSync = true
    #expect(reconciler.actions(for: facts) == [])
    // A tap that breaks meanwhile is still mended.
    facts.taps = [Self.a: false]
    #expect(reconciler.actions(for: facts) == [.attach(Self.a)])
    reconciler.carriedOut(.attach(Self.a))

    facts.taps = [Self.a: true]
    facts.suspended = []
    #expect(reconciler.actions(for: facts) == [.attach(Self.b)])
    reconciler.carriedOut(.attach(Self.b))
    facts = Self.settled
    facts.appliance?.stream?.needsSync = true
    #expect(reconciler.actions(for: facts) == [.startSync])
  }

  @Test func `a suspended disk of a paused VM is freed too`() {
    var reconciler = Self.calm
    var facts = Self.settled
    facts.wish = .pause
    facts.suspended = [Self.a]
    #expect(reconciler.actions(for: facts) == [.detach(Self.a)])
  }
}
