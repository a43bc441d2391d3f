// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Foundation

/// The machine the benchmark runs on, and where things are on it.
enum Machine {
  /// The folder all scratch files go to; on a real disk.
  static let scratchFolder = environment("BENCH_SCRATCH")
  static let resultsPath = environment("BENCH_RESULTS")

  /// This program.
  static let bench = "/proc/self/exe".resolved
  /// The product, built beside it.
  static var understudy: String {
    (bench as NSString).deletingLastPathComponent + "/understudy"
  }

  static var description: String {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let load = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
    return "\(cores) cores, load \(load.split(separator: " ").first ?? "unknown")"
  }

  /// Makes the page cache forget what files hold, so that the next reads come from the disk.
  ///
  /// Where that is not allowed, the files given are forgotten one by one.
  static func dropCaches(of folders: [String]) {
    sync()
    if let all = FileHandle(forWritingAtPath: "/proc/sys/vm/drop_caches"),
      (try? all.write(contentsOf: Data("3\n".utf8))) != nil
    {
      return
    }
    for folder in folders {
      for name in FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? [] {
        let descriptor = open("\(folder)/\(name)", O_RDONLY)
        guard descriptor >= 0 else { continue }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        close(descriptor)
      }
    }
  }

  /// Brings what a folder's files hold into the page cache, in the order of the disk.
  static func fillCache(with folder: String) {
    for name in FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? [] {
      guard let file = FileHandle(forReadingAtPath: "\(folder)/\(name)") else { continue }
      while let bytes = try? file.read(upToCount: 4 << 20), !bytes.isEmpty {}
    }
  }

  /// Fails where the disk is too small for a run.
  static func checkRoom(byteCount: UInt64) throws {
    var figures = statvfs()
    guard statvfs(scratchFolder, &figures) == 0 else { throw BenchError("no \(scratchFolder)") }
    let free = UInt64(figures.f_bavail) * UInt64(figures.f_frsize)
    guard free >= byteCount else {
      throw BenchError(
        "\(scratchFolder) has \(free >> 30) GiB free, not \(byteCount >> 30): set TMPDIR"
      )
    }
  }

  /// The path of a file in memory, removed with the stage; on the disk where there is no such room.
  static func memoryFile(byteCount: Int, stage: Stage) throws -> String {
    let name = "understudy-bench-\(UInt32.random(in: 0...UInt32.max)).raw"
    var figures = statvfs()
    guard statvfs("/dev/shm", &figures) == 0,
      UInt64(figures.f_bavail) * UInt64(figures.f_frsize) > 2 * UInt64(byteCount)
    else { return stage.path(name) }
    let path = "/dev/shm/\(name)"
    stage.onClose { unlink(path) }
    return path
  }

  /// A port nobody listens on.
  static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw BenchError("no port is free") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func environment(_ name: String) -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else {
      FileHandle.standardError.write(Data("\(name) is not set: run scripts/bench\n".utf8))
      exit(2)
    }
    return value
  }
}

extension String {
  /// Where a symbolic link leads.
  fileprivate var resolved: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: self)) ?? self
  }
}

/// Seconds of the machine's steady clock.
func now() -> Double {
  Double(understudy_monotonic_nanoseconds()) / 1e9
}

/// Prints a line at once, also where standard output is a pipe.
func say(_ text: String) {
  print(text)
  fflush(nil)
}
