import SystemPackage

@testable import LaunchPlan

/// What holds for the place of a process's own group, whatever the kernel's files say.
enum ControlGroupOracle {
    /// Each `/proc/self/cgroup` and `/proc/self/mountinfo`, parted by the byte 0x1D.
    static let samples: [[UInt8]] = [
        (
            "0::/system.slice/worker.service\n",
            "24 1 0:22 / /sys rw,nosuid - sysfs sysfs rw\n31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
        ),
        (
            "1:name=systemd:/x\n0::/docker/abc/leaf\n",
            "31 24 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n40 1 0:27 /docker/abc /own rw - cgroup2 cgroup rw,nsdelegate\n"
        ),
        ("0::/../other\n", "31 24 0:27 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
        ("0::/../other\n", "31 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
        ("0::/\n", "31 24 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup2 ro\n"),
    ]
    .map { Array("\($0)\u{1D}\($1)".utf8) }

    /// What comes of one.
    static func path(of bytes: [UInt8]) throws(ControlGroupError) -> FilePath {
        let parts = bytes.split(separator: 0x1D, maxSplits: 1, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        return try ControlGroupParent.path(of: parts[0], mountedAs: parts.dropFirst().first ?? "")
    }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        guard let path = try? path(of: bytes) else { return nil }
        guard path.isAbsolute else { return "is no place: \(path)" }
        let mounts = bytes.drop { $0 != 0x1D }.dropFirst()
        let places = String(decoding: mounts, as: UTF8.self).split { "\n ".contains($0) }.filter { $0.hasPrefix("/") }
        guard let place = places.first(where: { path.starts(with: FilePath(String($0))) }) else {
            return "is mounted nowhere: \(path)"
        }
        let below = path.components.dropFirst(FilePath(String(place)).components.count)
        return below.contains { $0.kind == .parentDirectory } ? "leads out of where it is mounted: \(path)" : nil
    }
}
