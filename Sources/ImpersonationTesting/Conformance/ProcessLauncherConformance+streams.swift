import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let streamRequirements: [Requirement] = [
        Requirement("streams that nobody asked for are /dev/null") { subject in
            // `ls` would show its own, those of the substitution.
            let job = #"input=$(readlink /proc/$$/fd/0); error=$(readlink /proc/$$/fd/2); echo "$input $error"; cat"#
            var command = LauncherUnderTest.script(job)
            command.standardOutput = .captured(limit: 1_000)
            let process = try await subject.launch(command)
            let exit = try await process.exitReport()
            try require("what the job sees", exit.standardOutput?.text, is: "/dev/null /dev/null\n")
            try require("the standard error in the report", exit.standardError, is: nil)
            command = LauncherUnderTest.script(#"output=$(readlink /proc/$$/fd/1); echo "$output" >&2"#)
            command.standardError = .captured(limit: 1_000)
            let silent = try await subject.launch(command).exitReport()
            try require("what the job sees", silent.standardError?.text, is: "/dev/null\n")
            try require("the standard output in the report", silent.standardOutput, is: nil)
        },
        Requirement("bytes are read and then the end of the file, and both outputs are captured apart") { subject in
            var command = LauncherUnderTest.script("cat; echo wrong >&2")
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
            command.standardInput = .bytes(bytes)
            let job = try await subject.run(command)
            try require(job.bytes == bytes, "100,000 bytes came back as \(job.bytes.count) or as others")
            try require("the standard error", job.complaint, is: "wrong\n")
        },
        Requirement("a job that does not read its input is none the worse for it") { subject in
            var command = Command(.path("/bin/true"))
            command.standardInput = .bytes(Array(repeating: 1, count: 1_000_000))
            _ = try await subject.run(command)
        },
        Requirement("what is written beyond the limit is counted and thrown away, and the job goes on") { subject in
            var command = LauncherUnderTest.script("printf 12345; head -c 1000000 /dev/zero; echo done >&2")
            command.standardOutput = .captured(limit: 5)
            let job = try await subject.run(command)
            try require("the captured bytes", job.text, is: "12345")
            try require("the omitted bytes", job.exit.standardOutput?.omittedBytes, is: 1_000_000)
            try require("the standard error", job.complaint, is: "done\n")
        },
        Requirement("standard error can be standard output, in the order it was written") { subject in
            var command = LauncherUnderTest.script("echo 1; echo 2 >&2; echo 3")
            command.standardError = .standardOutput
            command.standardOutput = .captured(limit: 1_000)
            let exit = try await subject.launch(command).exitReport()
            try require("the output", exit.standardOutput?.text, is: "1\n2\n3\n")
            try require("the standard error in the report", exit.standardError, is: nil)
        },
        Requirement("streams are written and read while the job runs") { subject in
            var command = Command(.path("/bin/cat"))
            command.standardInput = .stream
            command.standardOutput = .stream
            let process = try await subject.launch(command)
            guard let input = process.standardInput, let output = process.standardOutput else {
                throw Violation(message: "the process has no stream")
            }
            var chunks = output.makeAsyncIterator()
            for word in ["one", "two"] {
                try await input.write(Array(word.utf8))
                var answer: [UInt8] = []
                while answer.count < word.utf8.count, let chunk = try await chunks.next() { answer += chunk }
                try require("the answer", String(decoding: answer, as: UTF8.self), is: word)
            }
            input.close()
            try require("what comes after the end of the input", try await chunks.next(), is: nil)
            try require("the end", try await process.exitReport().status, is: .exited(0))
        },
        Requirement("a pipe and a descriptor of the daemon are the job's streams") { subject in
            let pipe = try FileDescriptor.pipe()
            defer { try? pipe.readEnd.close() }
            var command = LauncherUnderTest.script("echo out; echo err >&2")
            command.standardOutput = .pipe
            command.standardError = .descriptor(pipe.writeEnd)
            let process: LaunchedProcess
            do {
                process = try await subject.launch(command)
                try pipe.writeEnd.close()
            } catch {
                try? pipe.writeEnd.close()
                throw error
            }
            guard let output = process.takeStandardOutput() else {
                throw Violation(message: "the process has no pipe")
            }
            defer { try? output.close() }
            try require(process.takeStandardOutput() == nil, "the pipe is handed over twice")
            try require("the end", try await process.exitReport().status, is: .exited(0))
            try require("what the pipe has", try read(output), is: "out\n")
            try require("what the descriptor has", try read(pipe.readEnd), is: "err\n")
        },
        Requirement("files are opened as the account, which owns what is made") { subject in
            try await subject.withScratch { path in
                var command = LauncherUnderTest.script("echo one")
                command.standardOutput = .file(path)
                for _ in 0..<2 {
                    try require("the end", try await subject.launch(command).exitReport().status, is: .exited(0))
                }
                let job = try await subject.run(LauncherUnderTest.script(#"ls -ln "$1"; cat "$1""#, path.string))
                let owner = job.lines.first?.split(separator: " ").dropFirst(2).first.map { String($0) }
                try require("the owner", owner, is: "\(subject.identity.account.userID.rawValue)")
                try require("the file after two jobs", Array(job.lines.dropFirst()), is: ["one", "one"])
                command.standardOutput = .file(path, .createNew)
                let error = try await subject.mustRefuse(
                    command,
                    "a file that is there",
                    because: .stepFailed,
                    at: .openStream
                )
                try require("the error number", error.errno, is: .fileExists)
            }
        },
        Requirement("a file that the account cannot open is an error, and nothing runs") { subject in
            try await subject.withScratch { path in
                var command = LauncherUnderTest.script(#": >"$1""#, path.string)
                command.standardInput = .file(path.appending("missing"))
                let error = try await subject.mustRefuse(
                    command,
                    "a file that is not there",
                    because: .stepFailed,
                    at: .openStream
                )
                try require("the error number", error.errno, is: .noSuchFileOrDirectory)
                try require(!subject.exists(path), "the job has run all the same")
            }
        },
    ]

    /// Reads a pipe to its end, which has come: the job has ended.
    static func read(_ pipe: FileDescriptor) throws -> String {
        var text: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = try unsafe block.withUnsafeMutableBytes { try unsafe pipe.read(into: $0) }
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += block.prefix(count)
        }
    }
}
