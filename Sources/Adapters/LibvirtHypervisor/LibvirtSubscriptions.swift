// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Foundation
internal import Hypervisor
internal import RecoveryModel

/// A connection's event callbacks.
///
/// They run on libvirt's event thread, so they call nothing of libvirt's that waits for the daemon.
struct LibvirtSubscriptions: Sendable {
  /// What the callbacks need; each holds a reference of its own.
  private final class Relay: Sendable {
    let identifiers: LibvirtIdentifiers
    let events: EventHub

    init(identifiers: LibvirtIdentifiers, events: EventHub) {
      self.identifiers = identifiers
      self.events = events
    }

    func send(_ domain: OpaquePointer?, _ event: (VMIdentifier) -> HypervisorEvent) {
      guard let domain, let uuid = try? LibvirtDomain.uuid(of: domain) else { return }
      events.send(event(identifiers.vm(uuid: uuid)))
    }

    static func at(_ opaque: UnsafeMutableRawPointer?) -> Relay? {
      opaque.map { Unmanaged<Relay>.fromOpaque($0).takeUnretainedValue() }
    }
  }

  private let domainCallback: CInt
  private let networkCallback: CInt
  private let poolCallback: CInt
  private let monitorCallback: CInt

  /// Registers.
  ///
  /// An event kind that this hypervisor does not have is left out: events are hints.
  init(_ connection: OpaquePointer, identifiers: LibvirtIdentifiers, events: EventHub) {
    let relay = Relay(identifiers: identifiers, events: events)
    func reference() -> UnsafeMutableRawPointer { Unmanaged.passRetained(relay).toOpaque() }
    let release: virFreeCallback = { opaque in
      if let opaque { Unmanaged<Relay>.fromOpaque(opaque).release() }
    }
    domainCallback = virConnectDomainEventRegisterAny(
      connection,
      nil,
      CInt(VIR_DOMAIN_EVENT_ID_LIFECYCLE.rawValue),
      unsafeBitCast(
        Self.domainChanged,
        to: virConnectDomainEventGenericCallback.self
      ),
      reference(),
      release
    )
    networkCallback = virConnectNetworkEventRegisterAny(
      connection,
      nil,
      CInt(VIR_NETWORK_EVENT_ID_LIFECYCLE.rawValue),
      unsafeBitCast(
        Self.networkChanged,
        to: virConnectNetworkEventGenericCallback.self
      ),
      reference(),
      release
    )
    poolCallback = virConnectStoragePoolEventRegisterAny(
      connection,
      nil,
      CInt(VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE.rawValue),
      unsafeBitCast(
        Self.poolChanged,
        to: virConnectStoragePoolEventGenericCallback.self
      ),
      reference(),
      release
    )
    monitorCallback = virConnectDomainQemuMonitorEventRegister(
      connection,
      nil,
      "JOB_STATUS_CHANGE",
      Self.monitorSaid,
      reference(),
      release,
      0
    )
    _ = virConnectRegisterCloseCallback(connection, Self.closed, reference(), release)
  }

  /// Ends the callbacks; one that runs right now may still finish.
  func cancel(on connection: OpaquePointer) {
    if domainCallback >= 0 { virConnectDomainEventDeregisterAny(connection, domainCallback) }
    if networkCallback >= 0 { virConnectNetworkEventDeregisterAny(connection, networkCallback) }
    if poolCallback >= 0 { virConnectStoragePoolEventDeregisterAny(connection, poolCallback) }
    if monitorCallback >= 0 {
      virConnectDomainQemuMonitorEventDeregister(connection, monitorCallback)
    }
    virConnectUnregisterCloseCallback(connection, Self.closed)
  }

  private static let domainChanged:
    @convention(c) (OpaquePointer?, OpaquePointer?, CInt, CInt, UnsafeMutableRawPointer?) -> CInt =
      { _, domain, event, _, opaque in
        let relay = Relay.at(opaque)
        switch virDomainEventType(rawValue: UInt32(bitPattern: event)) {
        case VIR_DOMAIN_EVENT_STARTED: relay?.send(domain) { .started($0) }
        case VIR_DOMAIN_EVENT_STOPPED: relay?.send(domain) { .stopped($0) }
        case VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_UNDEFINED:
          relay?.events.send(.inventoryChanged)
        default: break
        }
        return 0
      }

  private static let networkChanged:
    @convention(c) (OpaquePointer?, OpaquePointer?, CInt, CInt, UnsafeMutableRawPointer?) -> Void =
      { _, _, _, _, opaque in Relay.at(opaque)?.events.send(.inventoryChanged) }

  private static let poolChanged:
    @convention(c) (OpaquePointer?, OpaquePointer?, CInt, CInt, UnsafeMutableRawPointer?) -> Void =
      { _, _, _, _, opaque in Relay.at(opaque)?.events.send(.inventoryChanged) }

  private static let closed: virConnectCloseFunc = { _, _, opaque in
    // Whoever looks again makes the next call, and with it a new connection.
    Relay.at(opaque)?.events.send(.inventoryChanged)
  }

  private static let monitorSaid: virConnectDomainQemuMonitorEventCallback = {
    _,
    domain,
    _,
    _,
    _,
    details,
    opaque in
    guard let details,
      let change = try? JSONDecoder().decode(
        JobChange.self,
        from: Data(String(cString: details).utf8)
      ),
      change.id.hasPrefix(TapNames.prefix), change.mayBeFailure
    else { return }
    Relay.at(opaque)?.send(domain) { .tapBroken($0) }
  }

  /// The data of QEMU's JOB_STATUS_CHANGE.
  private struct JobChange: Decodable {
    let id: String
    let status: String

    /// QEMU pauses a mirror job whose target failed: `standby` if it was ready before.
    ///
    /// It pauses a healthy one for moments too, so this is a hint. BLOCK_JOB_ERROR would be none,
    /// but comes with every write of the guest.
    var mayBeFailure: Bool { status == "standby" || status == "paused" }
  }
}
