// swift-tools-version: 6.2
import PackageDescription

/// What libFuzzer needs to see which way the code takes, and that it reads nothing but what is its own.
let instrumented: [SwiftSetting] = [.unsafeFlags(["-sanitize=fuzzer,address"])]

let settings: [SwiftSetting] = [
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
]

/// The sources are links to those of the library and the example: what is fuzzed is internal to them, and has to be
/// compiled another way than where it is used.
let package = Package(
    name: "fuzz",
    dependencies: [
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(name: "CLaunchPlan", exclude: ["trampoline"]),
        .executableTarget(name: "TrampolineEmbedder"),
        .plugin(name: "EmbedTrampoline", capability: .buildTool(), dependencies: ["TrampolineEmbedder"]),
        .target(
            name: "LaunchPlan",
            dependencies: ["CLaunchPlan", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: settings + instrumented,
            plugins: ["EmbedTrampoline"]
        ),
        .target(
            name: "NameLookup",
            dependencies: [.product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: settings + instrumented
        ),
        .target(name: "CLaunchProtocol"),
        .target(
            name: "LaunchProtocol",
            dependencies: [
                "CLaunchPlan", "CLaunchProtocol", "LaunchPlan", "NameLookup",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings + instrumented
        ),
        .target(
            name: "LocalAccounts",
            dependencies: [
                "LaunchProtocol", "NameLookup", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings + instrumented
        ),
        .target(
            name: "Impersonation",
            dependencies: [
                "CLaunchPlan", "LaunchPlan", "LaunchProtocol", "LocalAccounts", "NameLookup", "TrustedFiles",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            swiftSettings: settings + instrumented
        ),
        .target(
            name: "TrustedFiles",
            dependencies: [.product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: settings + instrumented
        ),
        .systemLibrary(name: "CPAM", pkgConfig: "pam"),
        .target(name: "CHelperService", dependencies: ["CPAM"]),
        .target(
            name: "HelperService",
            dependencies: [
                "CHelperService", "CPAM", "CLaunchPlan", "CLaunchProtocol", "LaunchPlan", "LaunchProtocol",
                "LocalAccounts", "NameLookup", "TrustedFiles",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings + instrumented
        ),
        .target(
            name: "QubeCompatibility",
            dependencies: [
                "Impersonation", "TrustedFiles", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings + instrumented
        ),
        .target(
            name: "RenderWorker",
            dependencies: [
                "Impersonation", "QubeCompatibility",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings + instrumented
        ),

        // Of the tool, what reads the texts of others; the rest of it needs a command line.
        .target(
            name: "impersonate",
            dependencies: [
                "Impersonation", "LaunchPlan", .product(name: "SystemPackage", package: "swift-system"),
            ],
            sources: [
                "Doctor/Finding.swift", "Doctor/NameServiceOrderCheck.swift", "Doctor/SudoListing.swift",
                "Running/ProcessStatus.swift",
            ],
            swiftSettings: settings + instrumented
        ),

        // What is C is followed as well.
        .target(
            name: "FalseKernel",
            dependencies: ["CLaunchPlan"],
            cSettings: [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])]
        ),

        // libFuzzer's entry for programs that have a main function of their own.
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CFuzzer", "CLaunchPlan", "CLaunchProtocol", "FalseKernel", "HelperService", "Impersonation",
                "LaunchPlan", "LaunchProtocol", "LocalAccounts", "NameLookup", "QubeCompatibility", "RenderWorker",
                "impersonate",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings + instrumented,
            // The debug information of Swift is more than gold can read.
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]
        ),
    ],
    swiftLanguageModes: [.v6]
)
