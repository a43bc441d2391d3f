// swift-tools-version: 6.2
import PackageDescription

/// Applied to every target of ours.
let common: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

/// A target of `tier`, which is also its folder: `Sources/<tier>/<name>`.
func target(_ tier: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name,
    dependencies: dependencies,
    path: "Sources/\(tier)/\(name)",
    swiftSettings: tier == "Core" ? common + [.strictMemorySafety()] : common
  )
}

/// The tests of `target`, in `Tests/<tier>/<target>Tests`.
func tests(
  _ tier: String,
  _ target: String,
  _ more: [Target.Dependency] = [],
  resources: [Resource] = []
) -> Target {
  .testTarget(
    name: "\(target)Tests",
    dependencies: [.target(name: target)] + more,
    path: "Tests/\(tier)/\(target)Tests",
    resources: resources,
    swiftSettings: common
  )
}

/// A C library of Debian's, found by pkg-config.
func system(_ name: String, pkgConfig: String? = nil, package: String) -> Target {
  .systemLibrary(
    name: name,
    path: "Sources/Adapters/\(name)",
    pkgConfig: pkgConfig,
    providers: [.apt([package])]
  )
}

var package = Package(
  name: "understudy",
  targets: [
    .target(
      name: "CChecksum",
      path: "Sources/Core/CChecksum",
      cSettings: [.unsafeFlags(["-O2"])]
    ),
    target("Core", "RecoveryModel"),
    target("Core", "NBDProtocol"),
    target("Core", "ReplicationProtocol", ["RecoveryModel", "CChecksum"]),
    target("Core", "Journal", ["RecoveryModel", "CChecksum"]),
    target("Core", "Simulation", ["RecoveryModel", "ReplicationProtocol", "Journal"]),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "RecoveryModel", "NBDProtocol", "ReplicationProtocol", "Journal", "CChecksum",
      ],
      path: "Fuzz/Targets",
      swiftSettings: common
    ),
    .testTarget(
      name: "FuzzTests",
      dependencies: ["FuzzTargets"],
      path: "Tests/Core/FuzzTests",
      swiftSettings: common
    ),
    tests("Core", "RecoveryModel"),
    tests("Core", "NBDProtocol"),
    tests("Core", "ReplicationProtocol", ["RecoveryModel", "Simulation"]),
    tests("Core", "Journal", ["RecoveryModel", "Simulation"]),
    tests("Core", "Simulation", ["RecoveryModel", "ReplicationProtocol", "Journal"]),
    .executableTarget(
      name: "soak",
      dependencies: ["Simulation"],
      path: "Tests/Soak",
      swiftSettings: common
    ),
    .testTarget(name: "TidyTests", path: "Tests/Tidy", swiftSettings: common),
  ],
  swiftLanguageModes: [.v6]
)

// `scripts/fuzz` alone links libFuzzer, whose `main` a Swift executable would hide.
if Context.environment["FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "fuzz",
      dependencies: ["FuzzTargets"],
      path: "Fuzz/Main",
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]
    )
  )
}

// `scripts/test core` leaves out everything that needs the network stack.
if Context.environment["CORE_ONLY"] == nil {
  package.dependencies += [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
    .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
  ]

  let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
  ]
  let certificates: [Target.Dependency] = [
    .product(name: "X509", package: "swift-certificates"),
    .product(name: "SwiftASN1", package: "swift-asn1"),
    .product(name: "Crypto", package: "swift-crypto"),
  ]
  let http: [Target.Dependency] = [
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "HummingbirdTLS", package: "hummingbird"),
  ]
  let client: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
  let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
  let lifecycle: [Target.Dependency] = [
    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    .product(name: "UnixSignals", package: "swift-service-lifecycle"),
  ]

  // For Benchmarks/, a package of its own that measures the real parts; see scripts/bench.
  if Context.environment["BENCHMARKS"] != nil {
    package.products += [
      .executable(name: "understudy", targets: ["understudy"]),
      .library(
        name: "DataPath",
        targets: ["Appliance", "NBDTransport", "FileStorage", "ReplicationTransport", "Identity"]
      ),
      .library(name: "Stores", targets: ["Store", "SQLiteStore"]),
    ]
  }

  package.targets += [
    system("CLibvirt", pkgConfig: "libvirt-qemu", package: "libvirt-dev"),
    system("CLZ4", pkgConfig: "liblz4", package: "liblz4-dev"),
    system("CZstd", pkgConfig: "libzstd", package: "libzstd-dev"),
    system("CPQ", pkgConfig: "libpq", package: "libpq-dev"),
    system("CPAM", package: "libpam0g-dev"),
    system("CCrypt", pkgConfig: "libcrypt", package: "libcrypt-dev"),
    .target(
      name: "CSASL",
      path: "Sources/Adapters/CSASL",
      linkerSettings: [.linkedLibrary("dl")]
    ),
    .target(name: "CLinux", path: "Sources/Adapters/CLinux", cSettings: [.unsafeFlags(["-O2"])]),

    target("Adapters", "NBDTransport", ["NBDProtocol", "CLinux"]),
    target("Adapters", "FileStorage", ["Journal", "CLinux"]),
    target("Adapters", "Processes", ["CLinux"]),
    target("Adapters", "FileRestore", ["Processes"]),
    target("Adapters", "Scripts", ["CLinux"]),
    target("Adapters", "Restic", ["Processes"]),
    target("Adapters", "Buckets", ["Processes"]),
    target(
      "Adapters",
      "Identity",
      [
        "RecoveryModel", "CPAM", "CCrypt", "CSASL",
        .product(name: "JWTKit", package: "jwt-kit"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
      ] + nio + certificates
    ),
    target(
      "Adapters",
      "ReplicationTransport",
      ["RecoveryModel", "ReplicationProtocol", "Identity", "CLZ4", "CZstd", log] + nio
    ),
    target("Adapters", "Hypervisor", ["RecoveryModel"]),
    target(
      "Adapters",
      "LibvirtHypervisor",
      ["RecoveryModel", "Hypervisor", "Processes", "CLibvirt", "CZstd", log]
    ),
    target("Adapters", "Store", ["RecoveryModel"]),
    target(
      "Adapters",
      "SQLiteStore",
      ["Store", .product(name: "GRDB", package: "GRDB.swift")]
    ),
    target("Adapters", "PostgresStore", ["Store", "CPQ"]),

    target(
      "Services",
      "ControlProtocol",
      ["RecoveryModel", "Hypervisor", "Identity", client, log] + lifecycle + nio + http
    ),
    target(
      "Services",
      "Appliance",
      [
        "RecoveryModel", "NBDProtocol", "ReplicationProtocol", "Journal", "NBDTransport",
        "FileStorage", "FileRestore", "Restic", "Buckets", "ReplicationTransport", "Identity",
        "ControlProtocol", "Processes", "CLinux", log,
      ] + lifecycle + nio + http + certificates
    ),
    target(
      "Services",
      "Orchestration",
      [
        "RecoveryModel", "ReplicationProtocol", "Hypervisor", "Store", "Identity",
        "ControlProtocol", "Scripts", client, log,
      ] + lifecycle + nio + certificates
    ),
    target(
      "Services",
      "ZVRAPI",
      [
        "RecoveryModel", "Hypervisor", "Identity", "ControlProtocol", "Orchestration", "Scripts",
      ]
    ),
    target(
      "Services",
      "Manager",
      [
        "RecoveryModel", "Hypervisor", "Store", "Identity", "ControlProtocol", "Orchestration",
        "Scripts", "ZVRAPI", client, log, .product(name: "Crypto", package: "swift-crypto"),
      ] + lifecycle + nio + http
    ),
    target("Services", "RESTClient", [client] + nio),
    target(
      "Services",
      "Lab",
      ["Identity", "ControlProtocol", "RecoveryModel", "RESTClient", client, log] + nio
    ),
    target(
      "Services",
      "Commands",
      [
        "RecoveryModel", "Hypervisor", "Store", "Identity", "ControlProtocol", "Appliance",
        "Orchestration", "Manager", "ZVRAPI", "RESTClient", "Lab", log,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ] + lifecycle
    ),
    .executableTarget(
      name: "understudy",
      dependencies: [
        "Commands", "LibvirtHypervisor", "SQLiteStore", "PostgresStore",
      ],
      path: "Sources/understudy",
      swiftSettings: common
    ),

    tests("Adapters", "NBDTransport", ["NBDProtocol"]),
    .testTarget(
      name: "ProofTests",
      dependencies: ["RecoveryModel", "Journal", "FileStorage", "Simulation", "CChecksum"],
      path: "Tests/Proof",
      swiftSettings: common
    ),
    tests("Adapters", "FileStorage", ["Journal", "RecoveryModel"]),
    tests("Adapters", "Processes"),
    tests("Adapters", "FileRestore", ["Processes"]),
    tests("Adapters", "Scripts"),
    tests("Adapters", "Restic", ["Processes"]),
    tests("Adapters", "Identity", ["RecoveryModel", "Processes"] + certificates + nio),
    tests(
      "Adapters",
      "ReplicationTransport",
      ["RecoveryModel", "ReplicationProtocol", "Identity", log] + nio
    ),
    tests("Adapters", "Store", ["SQLiteStore", "PostgresStore", "RecoveryModel"]),
    tests(
      "Services",
      "ControlProtocol",
      ["RecoveryModel", "Hypervisor", "Identity", client, log] + lifecycle + nio
    ),
    tests(
      "Services",
      "Appliance",
      [
        "RecoveryModel", "ControlProtocol", "Journal", "Identity", "NBDTransport", "NBDProtocol",
        "ReplicationProtocol", "ReplicationTransport", "Orchestration", "FileRestore", "Processes",
        "ResticTests", log,
      ]
    ),
    tests(
      "Services",
      "Orchestration",
      [
        "RecoveryModel", "Hypervisor", "Store", "SQLiteStore", "ControlProtocol", "Identity",
        "Scripts", "Restic", "Processes", log,
      ]
    ),
    tests(
      "Services",
      "ZVRAPI",
      ["RecoveryModel", "Hypervisor", "ControlProtocol", "Orchestration", "Scripts"],
      resources: [.copy("Resources")]
    ),
    tests(
      "Services",
      "Manager",
      [
        "RecoveryModel", "Hypervisor", "Store", "SQLiteStore", "Identity", "ControlProtocol",
        "Orchestration", "ZVRAPI", "Processes", log, client,
        .product(name: "Crypto", package: "swift-crypto"),
      ] + nio
    ),
    .testTarget(
      name: "HypervisorTests",
      dependencies: [
        "RecoveryModel", "Hypervisor", "LibvirtHypervisor", "Lab", "RESTClient", "ControlProtocol",
        "Identity", "Processes", "ZVRAPI", "ZVRAPITests", "ResticTests", client, log,
      ],
      path: "Tests/Hypervisor",
      swiftSettings: common
    ),
  ]
}
