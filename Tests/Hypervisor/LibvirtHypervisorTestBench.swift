// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Hypervisor
import LibvirtHypervisor
import Logging
import RecoveryModel
import Synchronization
import Testing

/// The hypervisor and guest image that the tests of the libvirt adapter use.
enum LibvirtTestSite {
  static let uri = ProcessInfo.processInfo.environment["UNDERSTUDY_TEST_LIBVIRT_URI"] ?? ""
  /// A self-booting image that, once up, writes to both of its disks again and again.
  static let image = ProcessInfo.processInfo.environment["UNDERSTUDY_TEST_IMAGE"] ?? ""
  static var isAvailable: Bool { !uri.isEmpty && !image.isEmpty }
}

/// A test that went wrong outside of what it tests.
struct LibvirtTestFailure: Error, CustomStringConvertible {
  let description: String
}

/// Runs a program to its end and returns what it printed.
@discardableResult
func runToEnd(_ arguments: [String]) throws -> String {
  let process = Process()
  let output = Pipe()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = arguments
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = output
  process.standardError = output
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    throw LibvirtTestFailure(description: "\(arguments.joined(separator: " ")): \(text)")
  }
  return text
}

/// Waits until `condition` holds; a test that waits longer has failed.
func eventually(
  _ what: String,
  within seconds: Int = 90,
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while ContinuousClock.now < deadline {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(100))
  }
  throw LibvirtTestFailure(description: "in \(seconds) s it did not come true that \(what)")
}

/// What a test has made at the hypervisor, and undoes at its end in the opposite order.
final class LibvirtTestBench: Sendable {
  let folder: String
  let hypervisor = LibvirtHypervisor(
    uri: LibvirtTestSite.uri,
    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  )
  /// Begins every name, so that nothing of anyone else's is touched.
  let prefix = "us-test-\(UInt32.random(in: .min ... .max))"
  private let servers = Mutex<[pid_t]>([])
  private let cleanups = Mutex<[@Sendable () -> Void]>([])

  init() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: prefix).path()
    try FileManager.default.createDirectory(
      atPath: folder,
      withIntermediateDirectories: true
    )
    self.folder = folder
    atEnd { try? FileManager.default.removeItem(atPath: folder) }
    atEnd { [weak self] in self?.stopServers() }
  }

  func atEnd(_ cleanup: @escaping @Sendable () -> Void) {
    cleanups.withLock { $0.append(cleanup) }
  }

  func end() {
    while let cleanup = cleanups.withLock({ $0.popLast() }) { cleanup() }
  }

  func virsh(_ arguments: String...) throws -> String { try virsh(arguments) }

  func virsh(_ arguments: [String]) throws -> String {
    try runToEnd(["virsh", "-q", "-c", LibvirtTestSite.uri] + arguments)
  }

  /// Makes a file of the hypervisor's from a text.
  func file(_ name: String, _ text: String) throws -> String {
    try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    return "\(folder)/\(name)"
  }

  /// Makes the two disks of the guest: the image, and an empty file system.
  func makeDisks(_ name: String) throws -> [String] {
    let paths = ["\(folder)/\(name)-vda.raw", "\(folder)/\(name)-vdb.raw"]
    try runToEnd(["cp", "--sparse=always", LibvirtTestSite.image, paths[0]])
    try runToEnd(["truncate", "-s", "64M", paths[1]])
    try runToEnd(["mkfs.ext4", "-q", "-F", paths[1]])
    return paths
  }

  /// Defines a VM as an administrator would have.
  func defineVM(_ name: String, network: String? = nil) throws -> VMIdentifier {
    let disks = try makeDisks(name)
    let uuid = UUID().uuidString.lowercased()
    let card = network.map {
      "<interface type='network'><source network='\($0)'/><model type='virtio'/></interface>"
    }
    let xml = """
      <domain type='qemu'><name>\(prefix)-\(name)</name><uuid>\(uuid)</uuid>
      <memory unit='MiB'>128</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/><apic/></features>
      <devices><controller type='usb' model='none'/>
      \(zip(disks, ["vda", "vdb"]).map { """
        <disk type='file' device='disk'><driver name='qemu' type='raw'/>
        <source file='\($0)'/><target dev='\($1)' bus='virtio'/></disk>
        """ }.joined())
      \(card ?? "")<serial type='file'><source path='\(folder)/\(name).log'/></serial>
      <memballoon model='none'/></devices></domain>
      """
    _ = try virsh("define", try file("\(name).xml", xml))
    let guid = try hypervisorGUID()
    atEnd { [self] in
      _ = try? virsh("destroy", uuid)
      _ = try? virsh("undefine", uuid)
    }
    return VMIdentifier("\(guid).vm-\(uuid)")
  }

  /// Makes a network that gives its guests addresses, which begin with what is returned.
  @discardableResult
  func startNetwork(_ name: String) throws -> String {
    let prefix = "10.\(Int.random(in: 0...255)).\(Int.random(in: 0...255))"
    let xml = """
      <network><name>\(name)</name><ip address='\(prefix).1' netmask='255.255.255.0'>
      <dhcp><range start='\(prefix).2' end='\(prefix).9'/></dhcp></ip></network>
      """
    _ = try virsh("net-define", try file("\(name).xml", xml))
    atEnd { [self] in _ = try? virsh("net-undefine", name) }
    _ = try virsh("net-start", name)
    atEnd { [self] in _ = try? virsh("net-destroy", name) }
    return prefix
  }

  func hypervisorGUID() throws -> String {
    let capabilities = try virsh("capabilities")
    let text = capabilities.split(separator: "<uuid>")[1].split(separator: "</uuid>")[0]
    return String(text)
  }

  /// Starts an NBD server that answers on a socket, in the place of an appliance.
  func startServer(_ name: String, _ arguments: String...) async throws -> Process {
    let socket = socket(name)
    try? FileManager.default.removeItem(atPath: socket)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["nbdkit", "-f", "-U", socket] + arguments
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let pid = process.processIdentifier
    servers.withLock { $0.append(pid) }
    try await eventually("the NBD server listens") {
      FileManager.default.fileExists(atPath: socket)
    }
    return process
  }

  /// Kills every NBD server.
  func stopServers() {
    for pid in servers.withLock({ $0 }) { kill(pid, SIGKILL) }
  }

  func socket(_ name: String) -> String { "\(folder)/\(name).sock" }

  /// How many writes the guest has made to a disk.
  func writeCount(_ vm: VMIdentifier, _ target: String) throws -> Int {
    let line = try virsh("domblkstat", uuid(vm), target).split(separator: "\n")
      .first { $0.contains("wr_req") }
    return Int(line?.split(separator: " ").last ?? "") ?? 0
  }

  /// Waits until the guest has written to a disk after now.
  func awaitWrite(_ vm: VMIdentifier, _ target: String, within seconds: Int = 90) async throws {
    let before = try writeCount(vm, target)
    try await eventually("the guest writes to \(target)", within: seconds) {
      try writeCount(vm, target) > before
    }
  }

  func uuid(_ vm: VMIdentifier) -> String {
    vm.rawValue.split(separator: ".vm-").last.map(String.init) ?? ""
  }
}
