// swift-tools-version: 6.2
import PackageDescription

// A package of its own, as a program that uses the library is one.
let package = Package(
    name: "render-worker",
    products: [
        .executable(name: "render-worker", targets: ["render-worker"])
    ],
    dependencies: [
        .package(name: "swift-impersonation", path: "../.."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(
            name: "RenderWorker",
            dependencies: [
                .product(name: "Impersonation", package: "swift-impersonation"),
                .product(name: "QubeCompatibility", package: "swift-impersonation"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]
        ),
        .executableTarget(
            name: "render-worker",
            dependencies: [
                "RenderWorker",
                .product(name: "Impersonation", package: "swift-impersonation"),
                .product(name: "QubeCompatibility", package: "swift-impersonation"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .testTarget(
            name: "RenderWorkerTests",
            dependencies: [
                "RenderWorker",
                "render-worker",
                .product(name: "Impersonation", package: "swift-impersonation"),
                .product(name: "ImpersonationTesting", package: "swift-impersonation"),
                .product(name: "QubeCompatibility", package: "swift-impersonation"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where [.regular, .executable, .test].contains(target.type) {
    target.swiftSettings =
        (target.swiftSettings ?? []) + [
            .strictMemorySafety(),
            .treatAllWarnings(as: .error),
            // A dependency that deprecates something must not break a build here on the day it does so.
            .treatWarning("DeprecatedDeclaration", as: .warning),
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            .enableUpcomingFeature("InferIsolatedConformances"),
            .enableUpcomingFeature("ImmutableWeakCaptures"),
        ]
}
