import Glibc
import SystemPackage
import Testing

@testable import LaunchPlan

@Suite("The name of a cgroup")
struct ControlGroupNameTests {
    @Test("tells whether the process that made it is gone")
    func maker() throws {
        let name = ControlGroupName.fresh(.job)
        #expect(try #require(ControlGroupName(name)).isMakerGone == false)
        var parts = name.split(separator: "-").map(String.init)
        let start = try #require(UInt64(parts[2]))
        parts[2] = "\(start + 1)"
        // The number is in use, by a process that was started at another time.
        #expect(try #require(ControlGroupName(parts.joined(separator: "-"))).isMakerGone)
        // In another namespace number and start mean nothing here.
        for index in 3...4 {
            var foreign = parts
            foreign[index] = "2"
            #expect(try #require(ControlGroupName(foreign.joined(separator: "-"))).isMakerGone == false)
        }
        #expect(ControlGroupName.fresh(.job) != name)
        #expect(ControlGroupName(ControlGroupName.fresh(.kept))?.kind == .kept)
    }

    @Test(
        "is none where somebody else has given it",
        arguments: [
            "job-1", "job-12-x7", "job-1-2-3-4-", "task-1-2-3-4-5", "job-0-2-3-4-5", "job-a-2-3-4-5", "job-1-2-3-4-5-6",
            "",
            "job-1-2-3-4", "cron.service",
        ]
    )
    func foreign(_ name: String) {
        #expect(ControlGroupName(name) == nil)
    }
}

/// No kernel is asked here: what is written, and where.
@Suite("The limits of a cgroup")
struct ControlGroupLimitTests {
    /// Writes limits into a directory with empty files.
    ///
    /// - Returns: What the files say then.
    private func written(_ limits: ControlGroupLimits, to files: [String]) throws -> [String: String] {
        var template = Array("/tmp/limits-XXXXXX".utf8CString)
        try #require(unsafe mkdtemp(&template) != nil)
        let place = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        defer {
            for file in files { _ = unsafe unlink(place.appending(file).string) }
            _ = unsafe rmdir(place.string)
        }
        for file in files {
            try FileDescriptor.open(
                place.appending(file),
                .writeOnly,
                options: .create,
                permissions: .ownerReadWrite
            )
            .close()
        }
        try limits.write(in: OwnedDescriptor(unsafe open(place.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)))
        return try Dictionary(uniqueKeysWithValues: files.map { ($0, try ProcFile.read(place.appending($0))) })
    }

    @Test("of memory leave no swap, where the kernel accounts for it", arguments: [true, false])
    func swap(_ hasSwap: Bool) throws {
        var expected = ["memory.max": "1048576", "memory.oom.group": "1"]
        if hasSwap { expected["memory.swap.max"] = "0" }
        #expect(try written(ControlGroupLimits(memoryBytes: 1_048_576), to: expected.keys.sorted()) == expected)
    }

    @Test("of the processor are a share, and a quota for each tenth of a second")
    func processor() throws {
        let limits = ControlGroupLimits(processorWeight: 20, processorQuotaMicroseconds: 150_000)
        let expected = ["cpu.weight": "20", "cpu.max": "150000 100000"]
        #expect(try written(limits, to: expected.keys.sorted()) == expected)
    }
}
