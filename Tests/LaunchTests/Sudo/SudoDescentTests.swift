import CLaunchPlan
import Faults
import Glibc
import SystemPackage
import Testing

@testable import Impersonation
@testable import LaunchPlan

@Suite("Whoever answers a daemon that has called sudo")
struct SudoDescentTests {
    /// What is said of a process that answers, when this one has some descriptors left, and no more.
    private static func problem(of process: Int32, descriptorsLeft left: Int) throws -> SudoDescent.Problem? {
        let sudo = StartedChild(processID: getpid(), processDescriptor: OwnedDescriptor(-1))
        let greeting = SudoSocket.Greeting(processID: process, userID: 1, groupID: 1, parent: getpid(), limits: [:])
        var former: UInt64 = 0
        try #require(unsafe limit_open_files(0, 256, &former) == 0)
        var taken: [Int32] = []
        while true {
            let descriptor = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { break }
            taken.append(descriptor)
        }
        try #require(errno == EMFILE && taken.count > left)
        for descriptor in taken.suffix(left) { close(descriptor) }
        defer {
            for descriptor in taken.dropLast(left) { close(descriptor) }
            limit_open_files(0, former, nil)
        }
        do throws(SudoDescent.Problem) {
            let credentials = ChildPlan.Credentials(userID: 1, groupID: 1, groups: [1])
            _ = try SudoDescent(of: greeting, from: sudo, expecting: credentials, in: nil)
            return nil
        } catch {
            return error
        }
    }

    @Test("is not said to have ended where no descriptor is left to look at it", arguments: 0..<4)
    func noDescriptors(_ left: Int) async {
        await #expect(processExitsWith: .success) { [left = left as Int] in
            var child = pid_t()
            var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("sleep"), strdup("100000"), nil]
            defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
            try #require(unsafe posix_spawn(&child, "/bin/sleep", nil, nil, &arguments, nil) == 0)
            defer {
                kill(child, SIGKILL)
                waitpid(child, nil, 0)
            }
            let problem = try #require(try Self.problem(of: child, descriptorsLeft: left))
            guard left > 1 else {
                #expect(problem.errno == .tooManyOpenFiles, "\(problem)")
                #expect(problem.message.contains("no descriptor is left"), "\(problem)")
                #expect(problem.message.contains("RLIMIT_NOFILE"))
                return
            }
            // As many as it takes: it is no session leader, and so no launcher.
            #expect(problem.errno == nil, "\(problem)")
            #expect(problem.message.contains("was not started by this sudo"))
        }
    }

    @Test("is said to have ended where it has")
    func ended() async {
        await #expect(processExitsWith: .success) {
            var child = pid_t()
            var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("true"), nil]
            defer { unsafe free(arguments[0]) }
            try #require(unsafe posix_spawn(&child, "/bin/true", nil, nil, &arguments, nil) == 0)
            try #require(waitpid(child, nil, 0) == child)
            let problem = try #require(try Self.problem(of: child, descriptorsLeft: 8))
            #expect(problem.errno == .noSuchProcess)
            #expect(problem.message.contains("ended before"), "\(problem)")
        }
    }
}
