// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who uses the library resolves what only its measurements need.
let package = Package(
    name: "spawn-benchmarks",
    dependencies: [
        .package(name: "swift-impersonation", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2", traits: []),
    ],
    targets: [
        // What a launch costs at the very least: raw system calls, nothing around them.
        .target(name: "CSpawnFloor"),
        // What goes on in the other threads of a daemon during the soak.
        .target(name: "CThreadChurn"),
        // What an account does against the launches of others: a job, not a part of the measuring process.
        // It is C through and through; without the Swift runtime every account can run it, wherever the toolchain is.
        .executableTarget(
            name: "hostile-job",
            path: "Sources/HostileJob",
            linkerSettings: [.unsafeFlags(["-static-stdlib"])]
        ),
        .executableTarget(
            name: "spawn-benchmarks",
            dependencies: [
                "CSpawnFloor",
                "CThreadChurn",
                "hostile-job",
                .product(name: "Impersonation", package: "swift-impersonation"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            path: "Sources/SpawnBenchmarks"
        ),
        .testTarget(
            name: "SpawnBenchmarksTests",
            dependencies: ["spawn-benchmarks"]
        ),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where [.regular, .executable, .test].contains(target.type) {
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .strictMemorySafety(),
            .treatAllWarnings(as: .error),
            .treatWarning("DeprecatedDeclaration", as: .warning),
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            .enableUpcomingFeature("InferIsolatedConformances"),
            .enableUpcomingFeature("ImmutableWeakCaptures"),
        ]
}
