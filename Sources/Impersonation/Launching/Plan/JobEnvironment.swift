import Glibc
import LaunchPlan
import SystemPackage

/// The environment and the argument vector of a job, built from nothing.
struct JobEnvironment {
    /// `NAME=value` for each variable.
    private(set) var variables: [String]

    /// The names of the submitter's variables that were left out.
    private(set) var omitted: [String] = []

    /// Builds the environment of a job.
    ///
    /// - Parameters:
    ///   - policy: How it is built.
    ///   - account: The account of the job.
    ///   - extraDescriptors: The variables that hold the numbers from 3 upwards. They go before the submitter's.
    ///   - terminal: The terminal of the job.
    /// - Throws: ``LaunchError`` when a variable cannot be one.
    init(
        _ policy: EnvironmentPolicy,
        for account: Account,
        extraDescriptors: [String] = [],
        terminal: JobTerminal = .none
    ) throws(LaunchError) {
        variables = [
            "HOME=\(account.homeDirectory.string)",
            "USER=\(account.name.spelling)",
            "LOGNAME=\(account.name.spelling)",
            "SHELL=\(account.shell.string)",
            "PATH=\(EnvironmentDangers.searchPath)",
        ]
        var ofTheLaunch: [String] = []
        if case .pseudoterminal(_, _, let type?) = terminal {
            ofTheLaunch = ["TERM"]
            try add(terminalType: type, for: account)
        }
        ofTheLaunch += extraDescriptors
        try Self.check(ofTheLaunch, for: account)
        variables += zip(extraDescriptors, (STDERR_FILENO + 1)...).map { "\($0)=\($1)" }
        guard case .export(let exported) = policy else { return }
        for (name, value) in exported.sorted(by: { $0.key < $1.key }) {
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0),
                !value.utf8.contains(0)
            else {
                throw LaunchError(
                    .invalidCommand,
                    step: .prepare,
                    account: account.name,
                    message: name.isEmpty
                        ? "an exported variable has no name; leave it out"
                        : "the exported variable \"\(name.shortened(to: 128).escapingUnprintable)\" has an equals sign in its "
                            + "name, or a zero byte in it; leave it out"
                )
            }
            if EnvironmentDangers.ofTheAccount.contains(name) || ofTheLaunch.contains(name)
                || EnvironmentDangers.isDangerous(name, value)
            {
                omitted.append(name)
            } else {
                variables.append("\(name)=\(value)")
            }
        }
    }

    /// Programs look a file up by the type, so it must not lead anywhere else.
    private mutating func add(terminalType type: String, for account: Account) throws(LaunchError) {
        let isType =
            (1...64).contains(type.utf8.count) && type.first != "." && type.first != "-"
            && type.utf8.allSatisfy { Self.isAlphanumeric($0) || "+-._".utf8.contains($0) }
        guard isType else {
            throw LaunchError(
                .invalidCommand,
                step: .prepare,
                account: account.name,
                message: "\"\(type)\" is no type of terminal; give one that terminfo(5) has, such as xterm-256color"
            )
        }
        variables.append("TERM=\(type)")
    }

    private static func check(_ names: [String], for account: Account) throws(LaunchError) {
        for (index, name) in names.enumerated() {
            let isName =
                !name.isEmpty && name.first?.isNumber == false
                && name.utf8.allSatisfy { Self.isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
            let isTaken =
                EnvironmentDangers.ofTheAccount.contains(name) || names[..<index].contains(name)
                || EnvironmentDangers.isDangerous(name, "")
            guard isName, !isTaken else {
                throw LaunchError(
                    .invalidCommand,
                    step: .prepare,
                    account: account.name,
                    message:
                        "\"\(name)\" cannot be the variable of an extra descriptor; take a name of letters, digits and "
                        + "underscores that no other has and that means nothing to a shell or a loader"
                )
            }
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
