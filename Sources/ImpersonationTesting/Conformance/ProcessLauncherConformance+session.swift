import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let descriptorRequirements: [Requirement] = [
        Requirement("a job has no descriptor but its standard streams, whatever the daemon has open") { subject in
            // Without close-on-exec, as a careless library opens them.
            let null: FilePath = "/dev/null"
            let opened = try (0..<20).map { _ in try FileDescriptor.open(null, .readWrite) }
            defer { for descriptor in opened { try? descriptor.close() } }
            // The shell itself, which waits for `ls`.
            let job = try await subject.run(LauncherUnderTest.script("ls /proc/$$/fd; :"))
            try require("the descriptors", job.lines.compactMap { Int($0) }.sorted(), is: [0, 1, 2])
        },
        Requirement("extra descriptors are 3 and upwards in their order, and variables tell their numbers") { subject in
            let pipes = try (0..<3).map { _ in try FileDescriptor.pipe() }
            defer { for pipe in pipes { try? pipe.readEnd.close() } }
            var command = LauncherUnderTest.script(
                "ls /proc/$$/fd; echo $EXTRA_0 $EXTRA_1 $EXTRA_2; echo a >&3; echo b >&4; echo c >&5"
            )
            command.extraDescriptors = pipes.enumerated()
                .map { ExtraDescriptor(name: "EXTRA_\($0)", descriptor: $1.writeEnd) }
            let result: Result<FinishedJob, any Error>
            do {
                result = .success(try await subject.run(command))
            } catch {
                result = .failure(error)
            }
            for pipe in pipes { try pipe.writeEnd.close() }
            let job = try result.get()
            try require("the descriptors", job.lines.dropLast().compactMap { Int($0) }.sorted(), is: Array(0...5))
            try require("the variables", job.lines.last, is: "3 4 5")
            for (pipe, expected) in zip(pipes, ["a\n", "b\n", "c\n"]) {
                try require("what the descriptor has", try read(pipe.readEnd), is: expected)
            }
        },
    ]

    static let sessionRequirements: [Requirement] = [
        Requirement("a job leads a session and a process group of its own, without a terminal") { subject in
            let (process, fields) = try await subject.statistics()
            let number = "\(process.processID.rawValue)"
            try require("the process group", fields[2], is: number)
            try require("the session", fields[3], is: number)
            try require("the number of the terminal", fields[4], is: "0")
        },
        Requirement("every signal has its default effect for a job, and none is blocked or pending") { subject in
            let status = try await subject.status()
            for set in ["SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"] {
                try require("the set \(set)", status[set].flatMap { UInt64($0, radix: 16) }, is: 0)
            }
        },
        Requirement("many jobs at a time each have what is theirs") { subject in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        var command = LauncherUnderTest.script(#"cat; echo "$1 $NUMBER"; exit "$1""#, "\(number)")
                        command.environment = .export(["NUMBER": "\(number)"])
                        command.standardInput = .bytes(Array("\(number) ".utf8))
                        let job = try await subject.finish(command)
                        try require("the end of job \(number)", job.exit.status, is: .exited(Int32(number)))
                        try require("what job \(number) says", job.lines, is: ["\(number) \(number) \(number)"])
                    }
                }
                try await group.waitForAll()
            }
        },
    ]
}
