import Foundation
import Glibc
import Impersonation
import SystemPackage
import Testing

@testable import impersonate

@Suite("impersonate without standard streams", .inTestBed)
struct ClosedStreamTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    /// The tool as a shell starts it that has closed some of its streams.
    private func tool(_ starter: Tool = Tool(), closing redirections: String) -> Tool {
        Tool(prefix: starter.prefix + ["/bin/sh", "-c", "exec \"$0\" \"$@\" \(redirections)"])
    }

    private static let redirections = [
        "<&-": [0], ">&-": [1], "2>&-": [2], "<&- >&-": [0, 1], ">&- 2>&-": [1, 2], "<&- >&- 2>&-": [0, 1, 2],
    ]

    @Test("has /dev/null in their places, and so has the job", arguments: redirections.keys.sorted())
    func opensTheNullDevice(_ redirection: String) async throws {
        let closed = try #require(Self.redirections[redirection])
        try scratch.makeDirectory("alice", owner: 2_001)
        let lines = ["service_mode = desktop", "audit_log = \(scratch.file("alice/audit.jsonl"))"]
        let configuration = try scratch.write("worker.conf", lines.joined(separator: "\n") + "\n")
        // A job of the tool's own account may look at the tool's descriptors beside its own.
        let script = """
            links=$(for process in $PPID $$; do for n in 0 1 2; do readlink /proc/$process/fd/$n; done; done)
            echo "$links" > \(scratch.file("alice/links"))
            """
        let arguments = ["--report", scratch.file("alice/report"), "--", "sh", "-c", script]
        let outcome = try await tool(.asAccount(2_001), closing: redirection)
            .run(["run", "--config", configuration] + arguments)
        #expect(outcome.status == 0, "\(outcome.messages)")
        let links = try scratch.read("alice/links").split(separator: "\n")
        try #require(links.count == 6)
        for (index, link) in links.enumerated() {
            let owner = index < 3 ? "tool" : "job"
            #expect((link == "/dev/null") == closed.contains(index % 3), "\(index % 3) of the \(owner) is \(link)")
        }
    }

    @Test("writes no message into the files it has opened itself")
    func writesNowhereElse() async throws {
        let configuration = try scratch.configure(["proxy_execution_mode = user"])
        let arguments = ["--report", scratch.file("report"), "--login", "root", "--", "id"]
        let outcome = try await tool(closing: "<&- >&- 2>&-").run(["run"] + configuration + arguments)
        #expect(outcome.status == 125)
        let report = try JSONDecoder().decode(Report.self, from: Data(scratch.read("report").utf8))
        #expect(report.outcome == "denied")
        #expect(try scratch.read("audit.jsonl").split(separator: "\n").count == 1)
    }

    @Test("keeps the report out of the place of a stream")
    func keepsTheReportAway() async {
        await #expect(processExitsWith: .success) {
            let scratch = try Scratch()
            for number: Int32 in 0...2 { close(number) }
            let report = try ReportFile(FilePath(scratch.file("report")))
            let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
                .filter { number in
                    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
                    return path?.hasPrefix(scratch.path) == true
                }
            try report.commit(Report(failure: ToolFailure("none", "none"), request: ExecutionRequest(login: nil)))
            guard numbers.count == 1, numbers[0] > 2 else { exit(1) }
        }
    }
}
