// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

internal import ControlProtocol
internal import Foundation

/// A file that is there before the journal whose replica it becomes.
///
/// Its content saves the first sync what it has in common with the disk.
struct ReplicaImage {
  /// What begins a qcow2 image.
  private static let qcow2Magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]

  let path: String

  /// The image that a volume's replica is made of; nil if there is none and none is asked for.
  ///
  /// - Throws: 409 if it cannot become the replica. Nothing was changed then.
  init?(_ volume: JournalRequest.Volume) throws {
    path = volume.replicaPath
    let path = path
    func refusal(_ reason: String) -> ControlFailure {
      ControlFailure(status: 409, message: "\(path) cannot become a replica: \(reason)")
    }
    // Of a link it is the link's own.
    guard let found = try? FileManager.default.attributesOfItem(atPath: path) else {
      guard let folder = volume.imageFolder else { return nil }
      throw refusal("it is not there (looked for below \(folder))")
    }
    guard found[.type] as? FileAttributeType == .typeRegular,
      let byteCount = (found[.size] as? NSNumber)?.uint64Value
    else { throw refusal("it is not a plain file") }
    if let folder = volume.imageFolder {
      // The real paths: a link on the way could lead anywhere.
      guard let real = Self.realPath(path), let realFolder = Self.realPath(folder),
        real.hasPrefix(realFolder + "/")
      else { throw refusal("it is not below \(folder)") }
    }
    // A replica that was begun, and not sized yet, is no image.
    if byteCount == 0, volume.imageFolder == nil { return nil }
    guard byteCount == volume.byteCount else {
      throw refusal("it has \(byteCount) bytes, the disk \(volume.byteCount)")
    }
    let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { throw refusal(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    // Chosen by somebody; a disk that its VM left is raw, whatever the guest wrote at its start.
    if volume.imageFolder != nil {
      var beginning = [UInt8](repeating: 0, count: Self.qcow2Magic.count)
      guard pread(descriptor, &beginning, beginning.count, 0) == beginning.count,
        beginning != Self.qcow2Magic
      else { throw refusal("it is not a raw image; qemu-img convert -O raw makes one") }
    }
    // QEMU locks the images it has open, also on behalf of VMs that no inventory lists.
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    guard fcntl(descriptor, F_GETLK, &lock) == 0, lock.l_type == Int16(F_UNLCK) else {
      throw refusal("another program has it open")
    }
  }

  private static func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}
