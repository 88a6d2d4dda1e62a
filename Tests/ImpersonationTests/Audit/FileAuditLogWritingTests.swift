import FoundationEssentials
import Glibc
import Impersonation
import ImpersonationTesting
import SystemPackage
import Testing

@Suite("FileAuditLog: what it writes")
struct FileAuditLogWritingTests {
    private let directory: ScratchDirectory

    init() throws {
        directory = try ScratchDirectory()
    }

    private func object(_ line: String) throws -> [String: JSONValue] {
        try JSONDecoder().decode([String: JSONValue].self, from: Data(line.utf8))
    }

    @Test("a record is one line of JSON with sorted keys, the time in UTC with milliseconds")
    func writesOneLine() async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        try await log.append(.sample)
        #expect(
            try directory.lines("audit.log") == [
                #"{"event":"decision","login":"alice","message":"account root has user id 0","outcome":"denied","#
                    + #""reason":"superuser","rules":[],"time":"2023-11-14T22:13:20.250Z"}"#
            ]
        )
    }

    @Test("every key of a record stands in the line")
    func writesEveryKey() async throws {
        let log = try FileAuditLog(directory.file("audit.log"), durability: .synced)
        var record = AuditRecord(
            date: Date(timeIntervalSince1970: 0),
            event: .ended,
            request: ExecutionRequest(login: "alice", requestedAccount: "MYCORP\\bob", remoteAddress: "192.0.2.7"),
            outcome: "identity",
            reason: "userMode",
            message: "the job exited with status 7"
        )
        record.mode = .user
        record.account = try .forTesting("MYCORP\\bob", uid: 2_002, groups: [3_001])
        record.rules = [
            Explanation.Entry(rule: "userMode", source: .file("/etc/qb.conf", line: 3), text: "mode is user"),
            Explanation.Entry(rule: "minimumUserID", source: .builtIn, text: "not below 1000"),
        ]
        record.executable = "/usr/bin/render"
        record.backend = .setuid
        record.processID = ProcessID(rawValue: 42)
        record.timings = LaunchTimings(
            preparation: .microseconds(250),
            clone: .milliseconds(2),
            confirmation: .milliseconds(500)
        )
        record.attestation = .kernel
        record.status = .exited(7)
        try await log.append(record)
        record.status = .signaled(.kill)
        try await log.append(record)

        let lines = try directory.lines("audit.log").map(object)
        try #require(lines.count == 2)
        #expect(
            lines[0] == [
                "time": "1970-01-01T00:00:00.000Z", "event": "ended", "login": "alice",
                "requested": "MYCORP\\bob", "remote_address": "192.0.2.7", "outcome": "identity",
                "reason": "userMode", "message": "the job exited with status 7", "mode": "user",
                "account": "MYCORP\\bob", "domain": "MYCORP", "uid": 2_002, "gid": 2_002, "groups": [2_002, 3_001],
                "rules": [
                    ["rule": "userMode", "source": "/etc/qb.conf", "line": 3, "text": "mode is user"],
                    ["rule": "minimumUserID", "source": "built-in", "text": "not below 1000"],
                ],
                "executable": "/usr/bin/render", "backend": "setuid", "pid": 42,
                "timings": ["preparation": 0.00025, "clone": 0.002, "confirmation": 0.5], "attestation": "kernel",
                "status": ["exited": 7],
            ]
        )
        #expect(lines[1]["status"] == ["signaled": 9])
    }

    @Test("a thousand concurrent records are a thousand whole lines")
    func keepsLinesWhole() async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<1_000 {
                group.addTask {
                    var record = AuditRecord.sample
                    record.reason = "\(number)"
                    record.message = String(repeating: "m", count: number * 4)
                    try await log.append(record)
                }
            }
            try await group.waitForAll()
        }
        let reasons = try directory.lines("audit.log").map { try object($0)["reason"] }
        #expect(Set(reasons) == Set((0..<1_000).map { JSONValue.text("\($0)") }))
        #expect(reasons.count == 1_000)
    }

    @Test("two logs on one file keep each other's lines whole")
    func sharesTheFile() async throws {
        let logs = [try FileAuditLog(directory.file("audit.log")), try FileAuditLog(directory.file("audit.log"))]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for log in logs {
                group.addTask { for _ in 0..<200 { try await log.append(.sample) } }
            }
            try await group.waitForAll()
        }
        let lines = try directory.lines("audit.log")
        #expect(lines.count == 400)
        #expect(Set(lines).count == 1)
    }

    @Test("records of one task stand in the order in which they were appended")
    func keepsOrder() async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        for number in 0..<100 {
            var record = AuditRecord.sample
            record.reason = "\(number)"
            try await log.append(record)
        }
        #expect(try directory.lines("audit.log").map { try object($0)["reason"] } == (0..<100).map { .text("\($0)") })
    }

    @Test("a record of a cancelled task is written all the same")
    func writesWhenCancelled() async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await log.append(.sample)
        }
        try await task.value
        #expect(try directory.lines("audit.log").count == 1)
    }

    @Test("no name breaks the line or reaches the terminal of a reader", arguments: HostileText.all)
    func escapesHostileNames(_ text: String) async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        var record = AuditRecord.sample
        record.request.login = text
        record.request.requestedAccount = text
        record.message = text
        record.executable = text
        record.rules = [Explanation.Entry(rule: "rule", source: .named(text), text: text)]
        try await log.append(record)

        let line = try #require(try directory.lines("audit.log").first)
        #expect(try directory.lines("audit.log").count == 1)
        #expect(line.unicodeScalars.allSatisfy { !HostileText.isHostile($0) })
        let read = try object(line)
        #expect(read["login"] == .text(text))
        #expect(read["executable"] == .text(text))
        #expect(read["rules"] == .list([["rule": "rule", "source": .text(text), "text": .text(text)]]))
    }

    @Test("a text of a megabyte is shortened and says by how much")
    func shortensLongTexts() async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        var record = AuditRecord.sample
        record.request.login = String(repeating: "\u{E9}", count: 500_000)
        try await log.append(record)

        let line = try #require(try directory.lines("audit.log").first)
        #expect(line.utf8.count < 5_000)
        #expect(line.contains("[995904 more bytes]"))
    }

    @Test("after the file was renamed away, records go to a new one with mode 0600")
    func followsRotation() async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        try await log.append(.sample)
        try FileManager.default.moveItem(
            atPath: directory.file("audit.log").string,
            toPath: directory.file("audit.log.1").string
        )
        try await log.append(.sample)
        try await log.append(.sample)

        #expect(try directory.lines("audit.log.1").count == 1)
        #expect(try directory.lines("audit.log").count == 2)
        #expect(try Stat(directory.file("audit.log")).permissions == .ownerReadWrite)
    }

    @Test("what took the place of the file is checked like the file itself, and nothing is written to it")
    func checksAfterRotation() async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        try directory.touch("victim")
        try FileManager.default.removeItem(atPath: directory.file("audit.log").string)
        #expect(unsafe symlink("victim", directory.file("audit.log").string) == 0)
        await #expect(throws: AuditLogError.self) { try await log.append(.sample) }
        #expect(try directory.lines("victim").isEmpty)

        try FileManager.default.removeItem(atPath: directory.file("audit.log").string)
        try await log.append(.sample)
        #expect(try directory.lines("audit.log").count == 1)
    }

    @Test("the file is opened anew on request")
    func reopens() async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        try FileManager.default.removeItem(atPath: directory.file("audit.log").string)
        try await log.reopen()
        #expect(try Stat(directory.file("audit.log")).permissions == .ownerReadWrite)
    }

    @Test("a record that does not fit is an error, and the next one begins on a line of its own")
    func reportsAFullDisk() async {
        await #expect(processExitsWith: .success) {
            // A limit on the size of files stands for a full disk: write(2) takes what fits and then nothing.
            signal(SIGXFSZ, SIG_IGN)
            let directory = try ScratchDirectory()
            let log = try FileAuditLog(directory.file("audit.log"))
            try await log.append(.sample)
            let length = Int(try Stat(log.path).size)
            func limitFileSize(_ bytes: Int) throws {
                var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t.max)
                let result = unsafe setrlimit(__rlimit_resource_t(1), &limit)
                #expect(result == 0)
            }

            try limitFileSize(length + 10)
            let short = await #expect(throws: AuditLogError.self) { try await log.append(.sample) }
            #expect(short?.message.contains("took 10 of \(length) bytes") == true)
            let none = await #expect(throws: AuditLogError.self) { try await log.append(.sample) }
            #expect(none?.errno == .fileTooLarge)

            try limitFileSize(1 << 30)
            try await log.append(.sample)
            let lines = try directory.lines("audit.log")
            #expect(lines.count == 3)
            #expect(lines.last == lines.first)
        }
    }

    @Test(
        "a record never continues the fragment of another process or of an earlier run",
        arguments: [#"{"event":"decision","login":"al"#, "{", "\u{0}", "}"]
    )
    func beginsOnItsOwnLine(_ fragment: String) async throws {
        func append(_ text: String) throws {
            let file = try FileDescriptor.open(directory.file("audit.log"), .writeOnly, options: .append)
            try file.closeAfter { _ = try file.writeAll(text.utf8) }
        }

        try directory.touch("audit.log")
        try append("{}\n" + fragment)
        let log = try FileAuditLog(directory.file("audit.log"))
        try await log.append(.sample)
        try append(fragment)
        try await log.append(.sample)
        try await log.append(.sample)

        let lines = try directory.lines("audit.log")
        try #require(lines.count == 6)
        #expect(lines[0...1] == ["{}", fragment])
        #expect(lines[3] == fragment)
        for line in [lines[2], lines[4], lines[5]] { #expect(try object(line)["login"] == "alice") }
    }

    @Test("a file that was emptied is continued at its beginning")
    func continuesAnEmptiedFile() async throws {
        let log = try FileAuditLog(directory.file("audit.log"))
        try await log.append(.sample)
        #expect(unsafe truncate(directory.file("audit.log").string, 0) == 0)
        try await log.append(.sample)
        #expect(try directory.lines("audit.log").count == 1)
    }
}
