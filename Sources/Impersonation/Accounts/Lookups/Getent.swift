import CLaunchPlan
import Glibc
import LaunchPlan
import LaunchProtocol
import LocalAccounts
import NameLookup
import SystemPackage

/// `getent(1)`, where there is no helper: a process for each question.
///
/// It says "there is none" also of accounts whose directory is down. Whatever it has not found is asked for once more on a thread,
/// for the number that tells the one from the other. That is no answer: what this process finds, in a cache that `getent` is kept
/// from or with rights that it does not have, is not what was found.
final class Getent: LookupAsker {
    /// Where every system has it.
    static let usualPath: FilePath = "/usr/bin/getent"

    /// Larger than any entry that the name service takes.
    private static let outputLimit = NameServiceBuffer.maximumSize + (1 << 20)

    private static let killCapability: UInt32 = 5

    /// What it ends with when there is no such entry.
    private static let notFound: Int32 = 2

    private let path: FilePath

    private let threads: LookupThreads

    /// Starts nothing before the first question.
    ///
    /// - Parameters:
    ///   - path: Where it is.
    ///   - threads: Who says why it has found nothing.
    init(at path: FilePath = usualPath, threads: LookupThreads = LookupThreads()) {
        self.path = path
        self.threads = threads
    }

    func ask(_ question: LookupQuestion, until time: MonotonicTime) throws(NoAnswer) -> LookupAnswer {
        let words = try Self.words(for: question)
        let (status, output) = try run(words, until: time)
        switch status {
        case 0:
            guard let answer = GetentOutput(output).answer(to: question) else {
                throw .broken("getent has answered with something that is no entry")
            }
            return answer
        case Self.notFound:
            let answer = try threads.ask(question, until: time)
            switch answer {
            case .absent, .failed: return answer
            default: throw .broken("getent has not found what the name service of this process finds")
            }
        default: throw .broken("getent ended with status \(status)")
        }
    }

    /// Looks whether the program can be used.
    ///
    /// - Throws: ``NoAnswer`` when it cannot.
    func rehearse() throws(NoAnswer) {
        _ = try program()
    }

    private func program() throws(NoAnswer) -> LookupProgram {
        // What cannot be killed is what getent is there to avoid.
        if LookupAccount.isUsed {
            guard launch_has_capability(Self.killCapability) == 1 else {
                throw .unusable("without CAP_KILL, a getent that hangs could not be ended")
            }
            guard !LookupAccount.isShared else {
                throw .unusable(
                    "getent would have to run as nobody, and every process of nobody could answer in its place"
                )
            }
        }
        return try LookupProgram(at: path)
    }

    /// The arguments that ask, and never mean something else than the question.
    private static func words(for question: LookupQuestion) throws(NoAnswer) -> [String] {
        switch question {
        case .passwdByName(let name): ["passwd", try checked(name)]
        case .passwdByID(let id): ["passwd", "\(id)"]
        case .groupByName(let name): ["group", try checked(name)]
        case .groups(of: let name, primary: _): ["initgroups", try checked(name)]
        case .reach: throw .unusable("getent asks nobody whether he reaches a directory")
        }
    }

    /// `strtoul(3)` decides what is a number: getent would answer with the account that has it.
    private static func checked(_ name: String) throws(NoAnswer) -> String {
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D]
        var digits = name.utf8.drop { blanks.contains($0) }
        if digits.first == UInt8(ascii: "+") || digits.first == UInt8(ascii: "-") { digits = digits.dropFirst() }
        guard !digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), !name.utf8.contains(0)
        else {
            throw .broken("getent takes this name for a number; install impersonation-helper, which does not")
        }
        return name
    }

    private func run(_ words: [String], until time: MonotonicTime) throws(NoAnswer) -> (Int32, [UInt8]) {
        let program = try program()
        let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0, let silence = try? OwnedDescriptor(moving: null),
            let (reading, writing) = try? OwnedDescriptor.pipe()
        else { throw .broken("there is no descriptor to be had") }
        // A name may begin like an option.
        let arguments = [program.path.string, "--"] + words
        let streams = [silence.rawValue, writing.rawValue, silence.rawValue]
        let child = try LookupChild(arguments, streams: streams, endingWith: .thread, until: time)
        writing.closeNow()
        do throws(NoAnswer) {
            let output = try Self.read(from: reading, until: time)
            switch child.ending(until: time) {
            case .exited(let status): return (status, output)
            case .killed: throw NoAnswer.broken("getent was ended by somebody")
            case nil: throw NoAnswer.late
            case .unknown:
                throw launch_ignores_child_signal() == 1
                    ? NoAnswer.unusable("SIGCHLD is ignored, so that nobody knows what getent ended with")
                    : .broken("nobody knows what getent ended with")
            }
        } catch {
            child.end()
            throw error
        }
    }

    private static func read(from pipe: OwnedDescriptor, until time: MonotonicTime) throws(NoAnswer) -> [UInt8] {
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while pipe.waits(for: POLLIN, until: time) {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe Glibc.read(pipe.rawValue, $0.baseAddress, $0.count)
            }
            if count == 0 { return output }
            if count < 0 {
                guard errno == EINTR else { throw .broken("what getent says cannot be read") }
                continue
            }
            output += buffer[..<count]
            guard output.count <= outputLimit else { throw .broken("getent says more than any entry has") }
        }
        throw .late
    }
}
