// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// A name that one part of the system gives and every other part repeats unchanged.
///
/// Distinct types keep a VM from being passed where a VPG is meant. On the wire and in the store
/// an identifier is its text.
package protocol Identifier: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible,
  Comparable, CodingKeyRepresentable
where RawValue == String {
  init(rawValue: String)
}

extension Identifier {
  /// Makes an identifier of its text.
  package init(_ text: String) { self.init(rawValue: text) }

  package var description: String { rawValue }

  package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  /// The name that follows the hypervisor's GUID and `kind`; the whole text if they are not there.
  fileprivate func named(_ kind: String) -> String {
    guard let dot = rawValue.utf8.firstIndex(of: UInt8(ascii: ".")) else { return rawValue }
    let rest = rawValue[rawValue.utf8.index(after: dot)...]
    return rest.hasPrefix(kind) ? String(rest.dropFirst(kind.count)) : rawValue
  }
}

/// A site: one manager with the hypervisor hosts it manages.
///
/// A lower-case GUID.
package struct SiteIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// A virtual protection group, the same on both of its sites.
///
/// A lower-case GUID.
package struct VPGIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// A virtual machine of a site's hypervisor: `<hypervisor GUID>.vm-<domain UUID>`.
package struct VMIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// One disk of a virtual machine: `scsi:0:<n>`, `n` counted from the target name (vda is 0).
package struct VolumeIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// One network card of a virtual machine: `Network adapter <n>`, counted from 1.
package struct NICIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// A hypervisor host: `<hypervisor GUID>.host-<name>`.
package struct HostIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

extension HostIdentifier {
  /// What people call the host.
  package var name: String { named("host-") }
}

/// A place for disks, a libvirt storage pool: `<hypervisor GUID>.datastore-<name>`.
package struct DatastoreIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

extension DatastoreIdentifier {
  /// What people call the datastore.
  package var name: String { named("datastore-") }
}

/// A network VMs can be connected to: `<hypervisor GUID>.network-<name>`.
package struct NetworkIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// A folder VMs are kept in: `<hypervisor GUID>.group-<name>`.
///
/// libvirt has one, the root.
package struct FolderIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// A share of a host's processors and memory that VMs are put into:
/// `<hypervisor GUID>.resgroup-<name>`.
///
/// The root is there at every site; the others are libvirt's resource partitions.
package struct ResourcePoolIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// The ordered writes of one protected VM within one VPG.
///
/// A lower-case GUID.
package struct StreamIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// An appliance, by the name its site gave it.
package struct ApplianceIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// A point-in-time export of the recovery appliance.
///
/// A lower-case GUID.
package struct ExportIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// A copy of one disk of a point-in-time export, for a clone: `<target>-<VM's GUID>`.
package struct CopyIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }

  /// The file of the copy; nobody else makes one of that name.
  package func path(in folder: String) -> String { "\(folder)/\(rawValue).raw" }
}

/// A place where copies are kept for years: a lower-case GUID.
package struct RepositoryIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// A VPG's VMs as of a checkpoint, in a repository: a lower-case GUID.
package struct RetentionSetIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// A task: `<task GUID>.<site GUID>`.
///
/// The second half says which manager runs it.
package struct TaskIdentifier: Identifier {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }

  /// The site whose manager runs the task, if the text has both halves.
  package var site: SiteIdentifier? {
    let halves = rawValue.split(separator: ".")
    return halves.count == 2 ? SiteIdentifier(String(halves[1])) : nil
  }
}

/// A checkpoint of a VPG: a number that only grows.
///
/// It is the same on both sites.
package struct CheckpointIdentifier: Hashable, Codable, Sendable, Comparable,
  CustomStringConvertible
{
  package let number: UInt64

  package init(_ number: UInt64) { self.number = number }

  /// Reads the API's decimal text.
  package init?(text: String) {
    guard let number = UInt64(text) else { return nil }
    self.number = number
  }

  package init(from decoder: any Decoder) throws {
    number = try decoder.singleValueContainer().decode(UInt64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(number)
  }

  package var description: String { String(number) }

  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// An instant of wall-clock time, in milliseconds since 1970-01-01 UTC.
///
/// Instants of different machines are compared only for showing them to people.
package struct WallTime: Hashable, Codable, Sendable, Comparable {
  package let milliseconds: Int64

  package init(milliseconds: Int64) { self.milliseconds = milliseconds }

  package init(from decoder: any Decoder) throws {
    milliseconds = try decoder.singleValueContainer().decode(Int64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(milliseconds)
  }

  package static func < (a: Self, b: Self) -> Bool { a.milliseconds < b.milliseconds }

  /// Seconds from `earlier` to this instant; negative if this is the earlier one.
  package func seconds(since earlier: WallTime) -> Double {
    Double(milliseconds(since: earlier)) / 1000
  }

  /// Milliseconds from `earlier` to this instant; negative if this is the earlier one.
  ///
  /// Clocks of others may say anything: a difference that no number holds is the largest there is.
  package func milliseconds(since earlier: WallTime) -> Int64 {
    let (difference, overflows) = milliseconds.subtractingReportingOverflow(earlier.milliseconds)
    guard overflows else { return difference }
    return milliseconds < 0 ? .min : .max
  }
}
