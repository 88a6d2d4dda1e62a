import Glibc
import LaunchPlan
import Synchronization
package import SystemPackage
import TrustedFiles

/// A `sudo` that nobody but root can have put where it is.
package struct SudoProgram: Sendable {
    /// Where it was named, and where that leads: alternatives are symbolic links.
    package let path: FilePath
    package let place: FilePath

    private let stamp: Stamp

    /// What tells one installed program from the next.
    private struct Stamp: Hashable {
        let identity: FileFacts.Identity
        let changes: [Int]
    }

    /// Which `sudo` it is.
    package enum Flavour: Sendable, Hashable, CustomStringConvertible {
        /// The original one, with its version.
        case original(String)

        /// The one that is written in Rust.
        case rust(String)

        /// Another one, with the first line of what it says of itself.
        case unknown(String)

        /// Name and version.
        package var description: String {
            switch self {
            case .original(let version): "sudo \(version)"
            case .rust(let version): "sudo-rs \(version)"
            case .unknown(let line): "an unknown sudo (\(line))"
            }
        }

        /// Whether its rules take regular expressions for arguments, as those of the original sudo do from 1.9.10 on.
        package var knowsExpressions: Bool { isOriginal(since: (1, 9, 10)) }

        /// How many bytes of a password it reads, of those that PAM takes.
        ///
        /// It leaves the rest to whoever reads next. The limit is `SUDO_CONV_REPL_MAX` of sudo_plugin(5), which was 255 up to 1.8.
        package var longestPassword: Int { isOriginal(since: (1, 9, 0)) || isRust ? Secret.maximumLength : 255 }

        /// Whether it may be given a password.
        ///
        /// sudo-rs does not say what it asks for: it puts the text of `-p` around whatever a module of PAM asks, for a code or for a
        /// new password as well, and it takes the end of its input for an empty password, which is one more attempt.
        package var takesPassword: Bool {
            if case .original = self { true } else { false }
        }

        /// Whether it is one that the library is tested with, or newer than that.
        package var isTested: Bool {
            if case .original = self { true } else { isRust(since: (0, 2, 5)) }
        }

        /// Whether it says what it is.
        private var isKnown: Bool {
            if case .unknown = self { false } else { true }
        }

        /// Whether it ends by every signal that has ended its command.
        ///
        /// sudo-rs before 0.2.13 sends itself that signal, of which Rust catches `SIGSEGV` and `SIGBUS` and ignores `SIGPIPE`: it
        /// goes on, and exits with 0.
        package var tellsEverySignal: Bool { isKnown && (!isRust || isRust(since: (0, 2, 13))) }

        /// Why the end of a job is not to be had from it; `nil` where it is, or where the kernel tells it.
        ///
        /// - Parameter isTold: Whether the kernel tells the end of a process to others than its parent.
        /// - Returns: The reason.
        package func endProblem(whereToldByKernel isTold: Bool = KernelsWord.isTold) -> String? {
            guard !isTold, !tellsEverySignal else { return nil }
            guard isKnown else {
                return
                    "this sudo does not say what it is, or not in time, so nobody knows whether it tells a job that has crashed, and "
                    + "before 6.15 Linux tells nobody else"
            }
            return
                "\(self) tells a job that SIGSEGV, SIGBUS or SIGPIPE has ended as one that has exited with 0, and before 6.15 Linux "
                + "tells nobody else"
        }

        /// What to do about that.
        package static let endRemedy = "install the original sudo, or sudo-rs 0.2.13"

        private var isRust: Bool {
            if case .rust = self { true } else { false }
        }

        private func isOriginal(since least: (Int, Int, Int)) -> Bool {
            guard case .original(let version) = self else { return false }
            return Self.isVersion(version, since: least)
        }

        private func isRust(since least: (Int, Int, Int)) -> Bool {
            guard case .rust(let version) = self else { return false }
            return Self.isVersion(version, since: least)
        }

        private static func isVersion(_ version: String, since least: (Int, Int, Int)) -> Bool {
            let parts = version.utf8.split { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "p") }
                .prefix(3).compactMap { Int(Substring($0)) }
            guard parts.count == 3 else { return false }
            return (parts[0], parts[1], parts[2]) >= least
        }

        /// Reads the first line of `sudo --version`.
        package init(version text: String) {
            let line = String(text.prefix { $0 != "\n" }).shortened(to: 80).escapingUnprintable
            if line.hasPrefix("Sudo version ") {
                self = .original(String(line.dropFirst("Sudo version ".count)))
            } else if line.hasPrefix("sudo-rs ") {
                self = .rust(String(line.dropFirst("sudo-rs ".count)))
            } else {
                self = .unknown(line)
            }
        }
    }

    /// Why there is none.
    package struct Problem: Error {
        package let refusal: SudoRefusal
        package let message: String
    }

    private static let demands = FileDemands(
        owners: [0],
        followsLinks: true,
        acceptsStickyDirectories: false,
        acceptsHardLinks: true
    )

    /// Looks at the program and at every step of the way to it, symbolic links included.
    ///
    /// - Parameter path: Where it is, in full.
    /// - Throws: ``Problem`` when it is not there, not root's alone, or not set-user-ID.
    package init(at path: FilePath) throws(Problem) {
        guard path.isAbsolute else {
            throw Problem(refusal: .notTrusted, message: "\(path) is no absolute path, and nothing is searched for")
        }
        let found: (facts: FileFacts, place: FilePath)
        do throws(FileProblem) {
            switch try TrustedWalk(demanding: Self.demands).end(of: path) {
            case .file(let file): found = (file.facts, file.place)
            case .directory(_, let place, _): throw .notRegular(place, .directory)
            }
            guard found.facts.kind == .regular else { throw .notRegular(found.place, found.facts.kind) }
        } catch {
            throw Self.problem(error, at: path)
        }
        guard found.facts.permissions & S_ISUID != 0, found.facts.permissions & S_IXOTH != 0 else {
            throw Problem(
                refusal: .notSetUserID,
                message: "\(found.place) has mode \(found.facts.octalPermissions) and is not set-user-ID"
            )
        }
        self.path = path
        place = found.place
        stamp = Stamp(identity: found.facts.identity, changes: found.facts.changes)
    }

    /// Who but root could replace a program, or a step on the way to it; `nil` when nobody can, or it is not there.
    ///
    /// - Parameter path: Where it is, in full.
    /// - Returns: What is wrong.
    package static func untrustedStep(to path: FilePath) -> String? {
        do throws(FileProblem) {
            _ = try TrustedWalk(demanding: demands).end(of: path)
            return nil
        } catch {
            let problem = problem(error, at: path)
            return problem.refusal == .notTrusted ? problem.message : nil
        }
    }

    private static func problem(_ problem: FileProblem, at path: FilePath) -> Problem {
        switch problem {
        case .missing(let place, _): Problem(refusal: .notInstalled, message: "\(place) does not exist")
        case .untrustedOwner(let place, let facts):
            Problem(refusal: .notTrusted, message: "\(place) belongs to user id \(facts.owner), and not to root")
        case .untrustedMode(let place, let facts):
            Problem(
                refusal: .notTrusted,
                message: "others than root can write \(place) (mode \(facts.octalPermissions))"
            )
        case .failed(_, let place, let errno): Problem(refusal: .notTrusted, message: "\(place): \(errno)")
        default: Problem(refusal: .notTrusted, message: "\(path) is no program of root's")
        }
    }

    private static let flavours = Mutex<[Stamp: Flavour]>([:])

    private static let patience = Duration.seconds(5)

    /// Which one it is: asked once for each that was installed there, on a thread of its own.
    package func flavour() async -> Flavour {
        if let known = Self.flavours.withLock({ $0[stamp] }) { return known }
        let answer = await SudoCall.answer([path.string, "--version"], for: Self.patience)
        let flavour = Flavour(version: answer?.output ?? "")
        if answer?.status == 0 { Self.flavours.withLock { $0[stamp] = flavour } }
        return flavour
    }
}
