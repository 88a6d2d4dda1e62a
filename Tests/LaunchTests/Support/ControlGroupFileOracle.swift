@testable import LaunchPlan

/// What holds for the names of cgroups, `cgroup.events` and `cgroup.procs`, whatever is in them.
enum ControlGroupFileOracle {
    static let samples: [[UInt8]] = [
        "job-4711-98765-4026531836-4026531834-1a2b3c", "kept-1-0-0-1-z", "job--1-1-1-1-a", "job-+1-1-1-1-a",
        "kept-1-01-1-1-a-b",
        "populated 0\nfrozen 0\n", "populated 1\nfrozen 0\n", "4711\n0\n-5\n2147483648\n12\n",
    ]
    .map { Array($0.utf8) }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        if let name = ControlGroupName(text), let complaint = complaint(about: name, Array(text.utf8)) {
            return complaint
        }
        let lines = parts(bytes, at: 0x0A)
        guard ControlGroup.isEmpty(events: bytes) == lines.contains(Array("populated 0".utf8)) else {
            return "has processes, or has none"
        }
        let processes = parts(Array(text.utf8), at: 0x0A).compactMap { Int32(String(decoding: $0, as: UTF8.self)) }
        return ControlGroup.processes(in: text) == processes ? nil : "has other processes than \(processes)"
    }

    private static func complaint(about name: ControlGroupName, _ bytes: [UInt8]) -> String? {
        let parts = parts(bytes, at: UInt8(ascii: "-")).map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 6, parts[0] == name.kind.rawValue else { return "has \(parts.count) parts" }
        guard name.maker > 0, parts[1] == "\(name.maker)", !parts[5].isEmpty else { return "is of \(name.maker)" }
        for part in parts[2...4] {
            guard let number = UInt64(part), "\(number)" == part else { return "has the number \(part)" }
        }
        return name.text.utf8.elementsEqual(bytes) ? nil : "is another name"
    }

    private static func parts(_ bytes: [UInt8], at separator: UInt8) -> [[UInt8]] {
        bytes.reduce(into: [[]]) { parts, byte in
            if byte == separator { parts.append([]) } else { parts[parts.count - 1].append(byte) }
        }
    }
}
