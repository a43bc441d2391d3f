// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Foundation
internal import Hypervisor

/// Commands to the QEMU of a running domain, through libvirt.
///
/// QEMU answers one command after the other: a command that hangs holds up every later one.
struct QEMUMonitor {
  let domain: LibvirtDomain

  /// Runs a command whose answer says nothing.
  func run(_ command: String, _ arguments: [String: Any] = [:]) throws(HypervisorError) {
    _ = try ask(command, arguments, answer: Nothing.self)
  }

  /// Runs a command and decodes its answer.
  func ask<Answer: Decodable>(
    _ command: String,
    _ arguments: [String: Any] = [:],
    answer: Answer.Type
  ) throws(HypervisorError) -> Answer {
    let request: [String: Any] = ["execute": command, "arguments": arguments]
    guard let bytes = try? JSONSerialization.data(withJSONObject: request) else {
      preconditionFailure("the arguments of \(command) are not JSON")
    }
    var result: UnsafeMutablePointer<CChar>?
    try LibvirtFailure.check(
      virDomainQemuMonitorCommand(
        domain.pointer,
        String(decoding: bytes, as: UTF8.self),
        &result,
        0
      ),
      command
    )
    let reply = try text(result, command)
    guard let parsed = try? JSONDecoder().decode(Reply<Answer>.self, from: Data(reply.utf8)) else {
      throw .failed(operation: command, reason: "QEMU's answer is not understood: \(reply)")
    }
    switch parsed {
    case .answer(let answer): return answer
    case .error(let reason): throw .failed(operation: command, reason: reason)
    }
  }

  private struct Nothing: Decodable {}

  private enum Reply<Answer: Decodable>: Decodable {
    case answer(Answer)
    case error(String)

    private enum CodingKeys: String, CodingKey {
      case answer = "return"
      case error
    }

    private struct Failure: Decodable { let desc: String }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      if let failure = try container.decodeIfPresent(Failure.self, forKey: .error) {
        self = .error(failure.desc)
      } else {
        self = .answer(try container.decode(Answer.self, forKey: .answer))
      }
    }
  }
}

extension QEMUMonitor {
  /// A block job, as `query-block-jobs` tells it.
  struct Job: Decodable {
    let device: String
    let status: String
    let error: String?
    let ioStatus: String?

    /// Whether a mirror job keeps its target up to date.
    ///
    /// QEMU itself puts one on `standby` for moments; one whose target failed is told by its I/O
    /// status.
    var isReady: Bool { ioStatus == "ok" && (status == "ready" || status == "standby") }

    private enum CodingKeys: String, CodingKey {
      case device, status, error
      case ioStatus = "io-status"
    }
  }

  func jobs() throws(HypervisorError) -> [Job] { try ask("query-block-jobs", answer: [Job].self) }

  /// The file names of the block nodes, by node name.
  func nodes() throws(HypervisorError) -> [String: String] {
    struct Node: Decodable {
      let name: String
      let file: String

      private enum CodingKeys: String, CodingKey {
        case name = "node-name"
        case file
      }
    }
    let nodes = try ask("query-named-block-nodes", ["flat": true], answer: [Node].self)
    return Dictionary(nodes.map { ($0.name, $0.file) }) { first, _ in first }
  }

  /// The nodes that devices read and write.
  func rootNodes() throws(HypervisorError) -> Set<String> {
    struct Device: Decodable {
      struct Inserted: Decodable {
        let name: String
        private enum CodingKeys: String, CodingKey { case name = "node-name" }
      }
      let inserted: Inserted?
    }
    return Set(try ask("query-block", answer: [Device].self).compactMap { $0.inserted?.name })
  }

  /// The size of a block node in bytes.
  func byteCount(ofNode name: String) throws(HypervisorError) -> UInt64 {
    struct Node: Decodable {
      struct Image: Decodable {
        let byteCount: UInt64
        private enum CodingKeys: String, CodingKey { case byteCount = "virtual-size" }
      }
      let name: String
      let image: Image

      private enum CodingKeys: String, CodingKey {
        case name = "node-name"
        case image
      }
    }
    let nodes = try ask("query-named-block-nodes", ["flat": true], answer: [Node].self)
    guard let node = nodes.first(where: { $0.name == name }) else {
      throw .failed(operation: "look at the node \(name)", reason: "it is not there")
    }
    return node.image.byteCount
  }

  /// The node a disk's guest device reads and writes, without the filters QEMU put above it.
  func rootNode(ofDevice alias: String) throws(HypervisorError) -> String? {
    struct Device: Decodable {
      struct Inserted: Decodable {
        let name: String
        private enum CodingKeys: String, CodingKey { case name = "node-name" }
      }
      let qdev: String?
      let inserted: Inserted?
    }
    let devices = try ask("query-block", answer: [Device].self)
    // Such as `/machine/peripheral/virtio-disk0/virtio-backend`, or the alias alone.
    return devices.first { $0.qdev?.split(separator: "/").contains(alias[...]) ?? false }?
      .inserted?.name
  }
}
