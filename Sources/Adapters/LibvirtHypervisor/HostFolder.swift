// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import CLibvirt
internal import Foundation
internal import Hypervisor

/// A folder of the hypervisor's host, for small files, through libvirt: wherever the host is, and
/// with the daemon's rights.
///
/// It is a storage pool for as long as it is used. A pool that somebody has there already is used
/// as it is.
final class HostFolder {
  /// Begins the names of our pools.
  private static let prefix = "understudy-folder-"
  /// No NVRAM or TPM is nearly as large.
  private static let sizeLimit = 16 << 20

  private let connection: LibvirtConnection
  private let pool: OpaquePointer
  private let isTransient: Bool

  /// Opens a folder; nil if there is none, unless it is to be made, open to its owner alone.
  init?(_ path: String, on connection: LibvirtConnection, makes: Bool) throws(HypervisorError) {
    self.connection = connection
    if let known = virStoragePoolLookupByTargetPath(connection.pointer, path) {
      (pool, isTransient) = (known, false)
      virStoragePoolRefresh(known, 0)
      return
    }
    let mode = makes ? [XMLTree("permissions", [XMLTree("mode", text: "0700")])] : []
    let xml = XMLTree(
      "pool",
      ["type": "dir"],
      [
        XMLTree("name", text: Self.prefix + UUID().uuidString.lowercased()),
        XMLTree("target", [XMLTree("path", text: path)] + mode),
      ]
    )
    let flags = makes ? VIR_STORAGE_POOL_CREATE_WITH_BUILD.rawValue : 0
    guard let made = virStoragePoolCreateXML(connection.pointer, xml.document, flags) else {
      if !makes, LibvirtFailure.isMissingFile { return nil }
      throw LibvirtFailure.last("open the folder \(path)")
    }
    (pool, isTransient) = (made, true)
  }

  deinit {
    if isTransient { virStoragePoolDestroy(pool) }
    virStoragePoolFree(pool)
  }

  /// Whether a pool of that name is a folder that is being looked into.
  static func isOurs(_ pool: String) -> Bool { pool.hasPrefix(prefix) }

  var names: [String] {
    get throws(HypervisorError) {
      let volumes = try list("list a folder") { virStoragePoolListAllVolumes(pool, &$0, 0) }
      defer { volumes.forEach { virStorageVolFree($0) } }
      return volumes.compactMap { virStorageVolGetName($0).map { String(cString: $0) } }.sorted()
    }
  }

  /// A file's content; nil if there is no such file.
  func read(_ name: String) throws(HypervisorError) -> [UInt8]? {
    guard let volume = virStorageVolLookupByName(pool, name) else { return nil }
    defer { virStorageVolFree(volume) }
    let operation = "read \(name)"
    return try connection.streaming(operation) { stream throws(HypervisorError) in
      try LibvirtFailure.check(virStorageVolDownload(volume, stream, 0, 0, 0), operation)
      var content: [UInt8] = []
      var buffer = [CChar](repeating: 0, count: 256 << 10)
      while true {
        let count = virStreamRecv(stream, &buffer, buffer.count)
        try LibvirtFailure.check(count, operation)
        if count == 0 { return content }
        content += buffer[..<Int(count)].map(UInt8.init(bitPattern:))
        guard content.count <= Self.sizeLimit else {
          throw .failed(operation: operation, reason: "it is larger than \(Self.sizeLimit) bytes")
        }
      }
    }
  }

  /// Makes a file, instead of one of that name.
  func write(_ name: String, _ content: [UInt8], mode: String) throws(HypervisorError) {
    let operation = "write \(name)"
    if let old = virStorageVolLookupByName(pool, name) {
      defer { virStorageVolFree(old) }
      try LibvirtFailure.check(virStorageVolDelete(old, 0), operation)
    }
    let xml = XMLTree(
      "volume",
      [
        XMLTree("name", text: name),
        XMLTree("capacity", ["unit": "bytes"], text: "\(content.count)"),
        XMLTree(
          "target",
          [
            XMLTree("format", ["type": "raw"]),
            XMLTree("permissions", [XMLTree("mode", text: mode)]),
          ]
        ),
      ]
    )
    guard let volume = virStorageVolCreateXML(pool, xml.document, 0) else {
      throw LibvirtFailure.last(operation)
    }
    defer { virStorageVolFree(volume) }
    let bytes = content.map(CChar.init(bitPattern:))
    try connection.streaming(operation) { stream throws(HypervisorError) in
      let length = UInt64(bytes.count)
      try LibvirtFailure.check(virStorageVolUpload(volume, stream, 0, length, 0), operation)
      var sent = 0
      while sent < bytes.count {
        let part = bytes[sent..<min(sent + 256 << 10, bytes.count)]
        let count = part.withUnsafeBufferPointer {
          virStreamSend(stream, $0.baseAddress, $0.count)
        }
        try LibvirtFailure.check(count, operation)
        sent += Int(count)
      }
    }
  }
}

extension LibvirtConnection {
  /// Runs `body` with a stream, which is at its end afterwards.
  fileprivate func streaming<Value>(
    _ operation: String,
    _ body: (OpaquePointer) throws(HypervisorError) -> Value
  ) throws(HypervisorError) -> Value {
    guard let stream = virStreamNew(pointer, 0) else { throw LibvirtFailure.last(operation) }
    defer { virStreamFree(stream) }
    let value: Value
    do throws(HypervisorError) { value = try body(stream) } catch {
      virStreamAbort(stream)
      throw error
    }
    try LibvirtFailure.check(virStreamFinish(stream), operation)
    return value
  }
}
