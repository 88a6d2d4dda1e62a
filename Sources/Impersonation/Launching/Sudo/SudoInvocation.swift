import LaunchPlan
import SystemPackage

/// The arguments of one call of `sudo`: pure, and nothing in them but numbers, paths that were checked, and the job's own
/// arguments behind the `--`.
struct SudoInvocation {
    let sudo: FilePath
    let launcher: FilePath
    let profile: SudoProfile
    let userID: UInt32
    let groupID: UInt32
    /// As the name service spells it; only ``SudoProfile/substitute(_:)`` needs it.
    let name: String

    /// What `sudo` runs the launcher for.
    enum Purpose {
        /// To become a job, whose program and arguments these are.
        case job(program: String, arguments: [String])

        /// To send a signal.
        case signal(Int32, [SessionScan.Member])
    }

    /// The way that `sudo` is to prove who asks.
    enum Proof: Equatable {
        case none
        case password(prompt: String)
    }

    /// The whole argument vector.
    func arguments(for purpose: Purpose, _ proof: Proof = .none) -> [String] {
        let asking: [String] =
            switch proof {
            case .none: ["-n"]
            case .password(let prompt): ["-S", "-k", "-p", prompt]
            }
        let group = profile.namesGroup ? ["-g", "#\(groupID)"] : []
        let words = words(for: purpose)
        return [sudo.string] + asking
            + {
                switch profile.way {
                case .account: ["-H", "-u", "#\(userID)"] + group + ["--"] + words
                case .login: ["-H", "-i", "-u", "#\(userID)"] + group + ["--"] + words
                case .substitute(let program):
                    ["--", program.string, "-", name, "-c", "exec " + words.joined(separator: " ")]
                }
            }()
    }

    private func words(for purpose: Purpose) -> [String] {
        switch purpose {
        case .job(let program, let arguments) where !profile.passesShell:
            [launcher.string, profile.isRestricted ? "restricted" : "run", program] + arguments
        case .job: [launcher.string, "session"]
        case .signal(let number, let members):
            [launcher.string, "signal", "\(number)"] + members.map { "\($0.process):\($0.startTime)" }
        }
    }

    /// Why it cannot be made; `nil` when it can.
    var problem: String? {
        guard launcher.isAbsolute, !launcher.string.utf8.contains(0) else {
            return "\(launcher) is no absolute path; name the launcher in full"
        }
        guard profile.passesShell else { return nil }
        guard launcher.string.utf8.allSatisfy(Self.isPlain) else {
            return "\(launcher) would have to pass a shell; give the launcher a path of letters, digits and ._-/"
        }
        if case .substitute(let program) = profile.way {
            guard program.isAbsolute else { return "\(program) is no absolute path; name su in full" }
            // su(1) has no end of options in front of its "-".
            guard !name.isEmpty, !name.hasPrefix("-"), !name.utf8.contains(0) else {
                return "an account that is called \"\(name)\" cannot be named to su; use another profile"
            }
        }
        return nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
