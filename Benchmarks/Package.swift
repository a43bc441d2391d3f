// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// SwiftPM names a package after its folder, and `package` declarations are seen by that name.
let understudy = URL(filePath: Context.packageDirectory).deletingLastPathComponent()
  .lastPathComponent.lowercased()

/// The benchmarks: the product's own parts against real programs, run by `scripts/bench`.
let package = Package(
  name: "benchmarks",
  dependencies: [.package(name: "understudy", path: "..")],
  targets: [
    .executableTarget(
      name: "bench",
      dependencies: [
        .product(name: "DataPath", package: "understudy"),
        .product(name: "Stores", package: "understudy"),
      ],
      path: "Sources",
      // Else SwiftPM gives the compiler this package's own name.
      packageAccess: false,
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
        .unsafeFlags(["-package-name", understudy]),
      ]
    )
  ],
  swiftLanguageModes: [.v6]
)
