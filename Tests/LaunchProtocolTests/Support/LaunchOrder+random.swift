import Damage
import LaunchPlan
import SystemPackage

@testable import LaunchProtocol

extension LaunchOrder {
    /// An order of any shape that is allowed.
    static func random(with generator: inout SeededGenerator) -> LaunchOrder {
        func chance() -> Bool { Bool.random(using: &generator) }
        func count(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
        func bytes(_ sizes: ClosedRange<Int>) -> [UInt8] {
            (0..<count(sizes)).map { _ in UInt8.random(in: 1...255, using: &generator) }
        }
        func path() -> FilePath {
            FilePath("/" + (0..<count(0...4)).map { _ in "d\(count(0...99))" }.joined(separator: "/"))
        }
        func id() -> UInt32 { UInt32.random(in: 0...UInt32.max - 1, using: &generator) }
        func number() -> UInt64 { UInt64.random(in: 1...UInt64.max, using: &generator) }

        let files = [Int32(0), 1, 2].filter { _ in chance() }
            .map { ChildPlan.StreamFile(path: path(), flags: $0 == 0 ? 0 : 1, target: $0) }
        let mayFollow = files.contains { $0.target == 1 } && !files.contains { $0.target == 2 }
        let access = ChildPlan.TerminalAccess(groupID: id(), mode: FilePermissions(rawValue: 0o600))
        return LaunchOrder(
            account: bytes(1...40),
            credentials: ChildPlan.Credentials(
                userID: id(),
                groupID: id(),
                groups: Set((0..<count(0...20)).map { _ in id() }).sorted()
            ),
            executables: (0..<count(1...8)).map { _ in path() },
            arguments: (0..<count(1...10)).map { _ in bytes(0...50) },
            environment: (0..<count(0...10))
                .map { _ in [0x41] + bytes(0...9).filter { $0 != 0x3D } + [0x3D] + bytes(0...30) },
            workingDirectory: path(),
            fallbackDirectory: chance() ? path() : nil,
            streamFiles: files,
            errorFollowsOutput: mayFollow && chance(),
            niceness: Int32(count(0...39) - 20),
            fileModeCreationMask: UInt16(count(0...0o777)),
            resourceLimits: (Int32(0)...15).filter { _ in chance() }.shuffled(using: &generator)
                .map { ChildPlan.Limit(resource: $0, soft: number(), hard: chance() ? number() : nil) },
            noNewPrivileges: chance(),
            emptiesBoundingSet: chance(),
            terminal: files.isEmpty && chance() ? access : nil,
            startDeadlineMilliseconds: UInt32(count(1...100_000)),
            descriptorTargets: Array(0..<Int32(count(3...67))),
            treeLimits: ControlGroupLimits(
                processes: chance() ? number() : nil,
                memoryBytes: chance() ? number() : nil,
                processorWeight: chance() ? UInt64(count(1...10_000)) : nil,
                processorQuotaMicroseconds: chance() ? UInt64(count(1_000...1 << 44 - 1)) : nil
            ),
            endsWithDaemon: chance(),
            endsDescendants: chance(),
            session: chance()
                ? SessionOrder(
                    service: Array("s\(count(0...9_999))".utf8),
                    authenticates: chance(),
                    yields: SessionOrder.Yields(rawValue: UInt32(count(0...(1 << 18 - 1)))),
                    idleMilliseconds: chance() ? UInt32(count(0...100_000)) : 0
                ) : nil
        )
    }
}
