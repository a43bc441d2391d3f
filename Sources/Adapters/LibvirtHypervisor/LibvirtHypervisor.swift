// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
package import Hypervisor
package import Logging
internal import RecoveryModel
internal import Synchronization

/// A KVM host, through libvirt's C library.
///
/// libvirt's calls block, so they run on queues of this object's own: one for most calls, one after
/// the other; one for those that can take long, side by side; and one for freeing a guest, which
/// waits for nothing else. The connection is opened by the first call, and anew when it has died; a
/// host that is gone may keep that waiting for minutes, so calls wait five seconds for it and then
/// fail.
package final class LibvirtHypervisor: Hypervisor {
  /// Which queue a call runs on.
  enum Lane { case ordinary, patient, rescue }

  let logger: Logger
  let allowsKVM: Bool
  let isLocal: Bool
  let uri: String
  /// Who thaws guests that are frozen now if this process does not.
  let thawGuards = Mutex<[VMIdentifier: ThawGuard]>([:])
  private let group: String?
  private let hub: EventHub
  private let link = Mutex<Link?>(nil)
  /// Who logs in where libvirt asks.
  let account = Mutex<HypervisorAccount?>(nil)
  private let connector = DispatchQueue(label: "libvirt-connect")
  private let ordinary = DispatchQueue(label: "libvirt")
  private let patient = DispatchQueue(label: "libvirt-patient", attributes: .concurrent)
  private let rescue = DispatchQueue(label: "libvirt-rescue")

  /// Makes the adapter without connecting.
  ///
  /// - Parameters:
  ///   - uri: libvirt's connection URI, such as `qemu:///system`.
  ///   - group: What the identifiers of VMs begin with at a site of several hosts.
  ///   - events: Told of changes.
  ///   - logger: Told of new connections.
  ///   - allowsKVM: Whether KVM has been tried and works on the host. Recovered VMs are emulated
  ///     otherwise: a `/dev/kvm` that exists proves nothing.
  package init(
    uri: String,
    group: String? = nil,
    events: EventHub = EventHub(),
    logger: Logger,
    allowsKVM: Bool = false
  ) {
    self.uri = uri
    self.group = group
    hub = events
    self.logger = logger
    self.allowsKVM = allowsKVM
    // A URI names its host between `//` and `/`; an empty name is this machine.
    isLocal = uri.contains(":///")
  }

  deinit { hub.finish() }

  package func events() -> AsyncStream<HypervisorEvent> { hub.listen() }

  // MARK: Running calls

  /// Runs `body` on a queue, with a connection that was alive just before.
  func run<Value: Sendable>(
    on lane: Lane = .ordinary,
    _ body: @escaping @Sendable (LibvirtConnection) throws(HypervisorError) -> Value
  ) async throws(HypervisorError) -> Value {
    let queue =
      switch lane {
      case .ordinary: ordinary
      case .patient: patient
      case .rescue: rescue
      }
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<Value, HypervisorError>, Never>) in
      queue.async {
        let result = Result { () throws(HypervisorError) -> Value in
          try body(try self.openConnection())
        }
        continuation.resume(returning: result)
      }
    }
    return try result.get()
  }

  /// Runs `body` with the VM's domain.
  ///
  /// Throws ``HypervisorError/noSuchVM(_:)``.
  func run<Value: Sendable>(
    on lane: Lane = .ordinary,
    with vm: VMIdentifier,
    _ body: @escaping @Sendable (LibvirtDomain) throws(HypervisorError) -> Value
  ) async throws(HypervisorError) -> Value {
    try await run(on: lane) { connection throws(HypervisorError) in
      try body(try connection.domain(of: vm))
    }
  }

  /// Waits until `condition` holds, looking every 20 ms.
  ///
  /// - Returns: Whether it came to hold within `seconds`.
  func wait(
    seconds: Int,
    until condition: () async throws(HypervisorError) -> Bool
  ) async throws(HypervisorError) -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
      if try await condition() { return true }
      do {
        try await Task.sleep(for: .milliseconds(20))
      } catch {
        throw .failed(operation: "wait for the hypervisor", reason: "the wait was cancelled")
      }
    }
    return try await condition()
  }
}

// MARK: The connection

extension LibvirtHypervisor {
  package func tryAccount(_ account: HypervisorAccount) async throws(HypervisorError) -> Bool {
    let trial = Link()
    // A host that is gone keeps this thread, and nobody else.
    DispatchQueue(label: "libvirt-account").async { [uri] in
      trial.finish(
        Result { () throws(HypervisorError) -> LibvirtConnection in
          try LibvirtConnection(uri: uri, account: account, events: EventHub())
        }
      )
    }
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<LibvirtConnection, HypervisorError>?, Never>) in
      patient.async { continuation.resume(returning: trial.wait()) }
    }
    guard let result else { throw silence }
    return try result.get().askedForAccount
  }

  package func use(_ account: HypervisorAccount) {
    self.account.withLock { $0 = account }
    link.withLock { current in
      guard let old = current else { return }
      let link = Link()
      connector.async {
        link.finish(self.connect())
        // Until then it goes on telling what happens.
        withExtendedLifetime(old) {}
      }
      current = link
    }
  }

  private var silence: HypervisorError {
    .unreachable("libvirt at \(uri) has not answered for 5 seconds")
  }

  /// A connection, or the attempt to get one, for all who wait for it.
  private final class Link: Sendable {
    private let deadline = DispatchTime.now() + .seconds(5)
    private let attempt = DispatchGroup()
    private let result = Mutex<Result<LibvirtConnection, HypervisorError>?>(nil)

    init() { attempt.enter() }

    func finish(_ result: Result<LibvirtConnection, HypervisorError>) {
      self.result.withLock { $0 = result }
      attempt.leave()
    }

    /// What came of the attempt; nil if that is not known by the deadline.
    func wait() -> Result<LibvirtConnection, HypervisorError>? {
      guard attempt.wait(timeout: deadline) == .success else { return nil }
      return result.withLock(\.self)
    }

    /// Whether it has failed, or stood and is dead by now.
    var isLost: Bool {
      switch result.withLock(\.self) {
      case nil: false
      case .success(let connection): !connection.isAlive
      case .failure: true
      }
    }
  }

  private func openConnection() throws(HypervisorError) -> LibvirtConnection {
    let link = link.withLock { current in
      if let current, !current.isLost { return current }
      let link = Link()
      connector.async { link.finish(self.connect()) }
      current = link
      return link
    }
    guard let result = link.wait() else { throw silence }
    return try result.get()
  }

  private func connect() -> Result<LibvirtConnection, HypervisorError> {
    Result { () throws(HypervisorError) -> LibvirtConnection in
      let opened = try LibvirtConnection(
        uri: uri,
        group: group,
        account: account.withLock(\.self),
        events: hub
      )
      logger.info(
        "connected to the hypervisor",
        metadata: ["uri": "\(uri)", "version": "\(opened.version)"]
      )
      return opened
    }
  }
}

extension LibvirtConnection {
  /// The VM's domain.
  ///
  /// Throws ``HypervisorError/noSuchVM(_:)``.
  func domain(of vm: VMIdentifier) throws(HypervisorError) -> LibvirtDomain {
    guard let uuid = identifiers.uuid(of: vm), let domain = try domain(uuid: uuid) else {
      throw .noSuchVM(vm)
    }
    return domain
  }
}
