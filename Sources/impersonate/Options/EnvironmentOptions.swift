import ArgumentParser
import Glibc
import Impersonation
import QubeCompatibility

/// The values of `--env`.
enum EnvironmentName: String, ExpressibleByArgument, CaseIterable {
    /// `HOME`, `USER`, `LOGNAME`, `SHELL` and `PATH` of the account.
    case clean

    /// The environment of a login shell of the account.
    case login

    /// Those of `clean`, and variables of the caller.
    case export
}

/// How the environment of the command is built.
struct EnvironmentOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("How the environment is built. The configuration decides unless set."))
    var env: EnvironmentName?

    @Option(
        name: .customLong("export"),
        help: ArgumentHelp(
            "A variable of the caller to hand on. It means --env export, whatever the configuration says, where --env is "
                + "not given, and no other --env goes with it. May be repeated.",
            valueName: "name"
        )
    )
    var exported: [String] = []

    func validate() throws {
        guard exported.isEmpty || env == nil || env == .export else {
            throw ValidationError("--export needs --env export, not --env \(env?.rawValue ?? "")")
        }
        for name in exported where name.isEmpty || name.utf8.contains(UInt8(ascii: "=")) {
            throw ValidationError("--export takes the name of a variable; its value is the caller's")
        }
        // A `String` holds no other bytes, so the command would get another value than the caller has.
        for name in exported {
            guard let value = unsafe getenv(name) else { continue }
            guard unsafe String(validatingCString: value) != nil else {
                throw ValidationError("the value of \(name) is not UTF-8 and cannot be handed on; leave it out")
            }
        }
    }

    /// The policy, from the command line or else the configuration.
    func policy(configured: EnvironmentChoice) -> EnvironmentPolicy {
        let chosen = env ?? (exported.isEmpty ? EnvironmentName(rawValue: configured.rawValue) : .export)
        switch chosen {
        case .login: return .login
        case .export: return .export(variables)
        case .clean, nil: return .clean
        }
    }

    private var variables: [String: String] {
        var result: [String: String] = [:]
        for name in exported {
            guard let value = unsafe getenv(name) else { continue }
            result[name] = unsafe String(cString: value)
        }
        return result
    }
}
