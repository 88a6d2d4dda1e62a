// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "swift-impersonation",
    products: [
        .library(name: "Impersonation", targets: ["Impersonation"]),
        .library(name: "QubeCompatibility", targets: ["QubeCompatibility"]),
        .library(name: "ImpersonationTesting", targets: ["ImpersonationTesting"]),
        .executable(name: "impersonate", targets: ["impersonate"]),
        .executable(name: "impersonation-helper", targets: ["impersonation-helper"]),
        .executable(name: "impersonation-launcher", targets: ["impersonation-launcher"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // The child plan and its interpreter: raw system calls only, freestanding C.
        .target(
            name: "CLaunchPlan",
            exclude: ["trampoline"]
        ),

        // Compiles the trampoline with the toolchain's clang and writes it as a Swift array, so that a program
        // that links the library carries it without any installation step.
        .executableTarget(name: "TrampolineEmbedder"),
        .plugin(
            name: "EmbedTrampoline",
            capability: .buildTool(),
            dependencies: ["TrampolineEmbedder"]
        ),

        // What a child becomes, in numbers, and how it comes into being: shared by the library and the system helper, so
        // neither Foundation nor the concurrency runtime.
        .target(
            name: "LaunchPlan",
            dependencies: [
                "CLaunchPlan",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            plugins: ["EmbedTrampoline"]
        ),

        // The calls of the name service, and what they answer: shared by the library and the lookup process, so neither
        // Foundation nor the concurrency runtime.
        .target(
            name: "NameLookup",
            dependencies: [.product(name: "SystemPackage", package: "swift-system")]
        ),

        // What a launcher and the system helper say to each other. The C part is what the Glibc module does not offer:
        // control messages and sealed memory.
        .target(name: "CLaunchProtocol"),
        .target(
            name: "LaunchProtocol",
            dependencies: [
                "CLaunchPlan",
                "CLaunchProtocol",
                "LaunchPlan",
                "NameLookup",
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),

        // What the local files of the name service say by themselves: shared by the library and the system helper, so neither
        // Foundation nor the concurrency runtime.
        .target(
            name: "LocalAccounts",
            dependencies: [
                "LaunchProtocol",
                "NameLookup",
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),

        .target(
            name: "Impersonation",
            dependencies: [
                "CLaunchPlan",
                "LaunchPlan",
                "LaunchProtocol",
                "LocalAccounts",
                "NameLookup",
                "TrustedFiles",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ]
        ),
        // Files that only those who may decide can have put where they are: shared by the configuration files and the
        // system helper, so neither Foundation nor the concurrency runtime.
        .target(
            name: "TrustedFiles",
            dependencies: [.product(name: "SystemPackage", package: "swift-system")]
        ),

        // The system helper without its main program: what it may do, for whom, and the processes that do it. The C part is
        // fork(2), which Swift does not offer, and what goes with it, and what PAM calls back. Nothing but the helper links
        // libpam.
        .systemLibrary(
            name: "CPAM",
            pkgConfig: "pam",
            providers: [.apt(["libpam0g-dev"]), .yum(["pam-devel"])]
        ),
        .target(name: "CHelperService", dependencies: ["CPAM"]),
        .target(
            name: "HelperService",
            dependencies: [
                "CHelperService",
                "CPAM",
                "CLaunchPlan",
                "CLaunchProtocol",
                "LaunchPlan",
                "LaunchProtocol",
                "LocalAccounts",
                "NameLookup",
                "TrustedFiles",
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),

        .executableTarget(
            name: "impersonation-helper",
            dependencies: ["HelperService"]
        ),

        // What sudo runs as the account of a job: a small program in C, which becomes the job.
        .executableTarget(
            name: "impersonation-launcher",
            dependencies: ["CLaunchPlan"]
        ),

        .target(
            name: "QubeCompatibility",
            dependencies: [
                "Impersonation",
                "LaunchProtocol",
                "TrustedFiles",
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .target(
            name: "ImpersonationTesting",
            dependencies: [
                "Impersonation",
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),

        // Only the command line tool links libcap: `doctor` names capabilities with it.
        .systemLibrary(
            name: "CCapability",
            pkgConfig: "libcap",
            providers: [.apt(["libcap-dev"]), .yum(["libcap-devel"])]
        ),
        .executableTarget(
            name: "impersonate",
            dependencies: [
                "Impersonation",
                "LaunchPlan",
                "LaunchProtocol",
                "QubeCompatibility",
                "CCapability",
                "CLaunchProtocol",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]
        ),

        // Makes system calls fail by a filter, in tests that run in a process of their own.
        .target(name: "Faults", dependencies: ["CLaunchPlan"], path: "Tests/Faults"),
        // The interpreter of plans and the launcher on a kernel that is none.
        .target(name: "FalseKernel", dependencies: ["CLaunchPlan"], path: "Tests/FalseKernel"),
        // Damages what parsers read, the same way in every run.
        .target(name: "Damage", path: "Tests/Damage"),
        // Keeps what is logged.
        .target(
            name: "CollectedLog",
            dependencies: [.product(name: "Logging", package: "swift-log")],
            path: "Tests/CollectedLog"
        ),
        .testTarget(
            name: "ImpersonationTests",
            dependencies: [
                "Impersonation",
                "ImpersonationTesting",
                "LaunchPlan",
                "LaunchProtocol",
                "LocalAccounts",
                "NameLookup",
                "Damage",
                "CollectedLog",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ]
        ),
        .testTarget(
            name: "LaunchTests",
            dependencies: [
                "Impersonation",
                "ImpersonationTesting",
                "CHelperService",
                "CLaunchPlan",
                "HelperService",
                "LaunchPlan",
                "LaunchProtocol",
                "LocalAccounts",
                "NameLookup",
                "Damage",
                "CollectedLog",
                "FalseKernel",
                "Faults",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ]
        ),
        // What real directory services answer: runs in Scripts/directories.
        .testTarget(
            name: "DirectoryTests",
            dependencies: [
                "Impersonation",
                "ImpersonationTesting",
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .testTarget(
            name: "LaunchProtocolTests",
            dependencies: [
                "CLaunchProtocol",
                "LaunchPlan",
                "LaunchProtocol",
                "NameLookup",
                "Damage",
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .testTarget(
            name: "HelperServiceTests",
            dependencies: [
                "CHelperService",
                "HelperService",
                "LaunchPlan",
                "LaunchProtocol",
                "TrustedFiles",
                "Damage",
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .testTarget(
            name: "QubeCompatibilityTests",
            dependencies: [
                "Impersonation",
                "QubeCompatibility",
                "ImpersonationTesting",
                "TrustedFiles",
                "Damage",
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "CLaunchPlan",
                "impersonate",
                "Impersonation",
                "QubeCompatibility",
                "ImpersonationTesting",
                "Damage",
                "Faults",
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
