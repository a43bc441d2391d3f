// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What the kernel knows of a process (proc(5)).
struct ProcessFigures {
  var identifier: Int32

  /// User and system time since the start, all threads, in seconds.
  var cpuSeconds: Double {
    get throws {
      let text = try read("stat")
      // The name in parentheses may hold anything; the fields after it are numbers.
      let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
      guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
        throw BenchError("/proc/\(identifier)/stat cannot be understood")
      }
      return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
  }

  /// Memory of its own and its share of what it has in common with others, in bytes.
  var memoryByteCount: UInt64 {
    get throws { try kibibytes("Pss:", in: "smaps_rollup") << 10 }
  }

  /// The most memory the process ever had, shared or not, in bytes.
  var peakByteCount: UInt64 {
    get throws { try kibibytes("VmHWM:", in: "status") << 10 }
  }

  /// The most ``memoryByteCount`` the process ever had, as long as it shares what it shares now.
  ///
  /// The kernel knows the peak; who looks now and then finds it by luck.
  var peakMemoryByteCount: UInt64 {
    get throws {
      let resident = try kibibytes("VmRSS:", in: "status") << 10
      return try memoryByteCount + max(peakByteCount, resident) - resident
    }
  }

  /// Bytes the process has caused to be written to disks.
  var writtenByteCount: UInt64 {
    get throws {
      for line in try read("io").split(separator: "\n") where line.hasPrefix("write_bytes:") {
        if let count = UInt64(line.split(separator: " ")[1]) { return count }
      }
      throw BenchError("/proc/\(identifier)/io cannot be understood")
    }
  }

  /// The processes this one has started.
  var children: [ProcessFigures] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap(Int32.init).map(ProcessFigures.init).filter { other in
      let fields = (try? other.read("stat"))?.split(separator: ")").last?.split(separator: " ")
      return fields.map { $0.count > 1 && Int32($0[1]) == identifier } ?? false
    }
  }

  private func kibibytes(_ name: String, in file: String) throws -> UInt64 {
    for line in try read(file).split(separator: "\n") where line.hasPrefix(name) {
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.count > 1, let count = UInt64(words[1]) { return count }
    }
    throw BenchError("/proc/\(identifier)/\(file) has no \(name)")
  }

  private func read(_ file: String) throws -> String {
    try String(contentsOfFile: "/proc/\(identifier)/\(file)", encoding: .utf8)
  }
}
