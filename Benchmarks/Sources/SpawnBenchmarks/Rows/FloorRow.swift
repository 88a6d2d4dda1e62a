import CSpawnFloor
import SystemPackage

/// The reference: the fewest system calls that start a program as another account.
struct FloorRow: SynchronousRow {
    static let name = "C floor"

    let account: JobAccount

    var profile: RowProfile { RowProfile(name: Self.name, callsPerRound: 20) }

    private static let stackSize = 64 * 1_024

    func spawn(_ program: JobProgram, calls: Int) throws -> [SpawnTiming] {
        let null = try FileDescriptor.open(FilePath("/dev/null"), .readWrite, options: .closeOnExec)
        defer { try? null.close() }
        let stack = UnsafeMutableRawPointer.allocate(byteCount: Self.stackSize, alignment: 64)
        defer { unsafe stack.deallocate() }
        return try unsafe StringVector.withVectors(
            [program.path] + program.arguments,
            account.environmentStrings
        ) { arguments, environment in
            try unsafe account.groups.withUnsafeBufferPointer { groups in
                try unsafe program.path.withCString { path in
                    try unsafe "/"
                        .withCString { directory in
                            var job = unsafe spawn_floor_job(
                                program: path,
                                arguments: arguments,
                                environment: environment,
                                directory: directory,
                                groups: groups.baseAddress,
                                group_count: groups.count,
                                user: account.userID,
                                group: account.groupID,
                                null_device: null.rawValue,
                                stack: stack,
                                stack_size: Self.stackSize
                            )
                            return try (0..<calls).map { _ in try unsafe launch(&job, of: program) }
                        }
                }
            }
        }
    }

    private func launch(_ job: UnsafePointer<spawn_floor_job>, of program: JobProgram) throws -> SpawnTiming {
        var child = spawn_floor_child()
        let begin = MonotonicClock.nanoseconds
        let code = unsafe spawn_floor_start(job, &child)
        let returned = MonotonicClock.nanoseconds
        guard code == 0 else { throw BenchmarkError("\(Self.name): clone3 failed (errno \(-code))") }
        let status = spawn_floor_wait(child.process_descriptor)
        let reaped = MonotonicClock.nanoseconds
        guard child.failed_step == 0 else {
            throw BenchmarkError("\(Self.name): step \(child.failed_step) failed (errno \(child.error))")
        }
        try requireSuccess(status, of: program)
        return SpawnTiming(begin: begin, returned: returned, reaped: reaped)
    }
}
