import ArgumentParser
import Impersonation
import QubeCompatibility
import SystemPackage

/// Prints the rules that the backend `sudo` needs.
struct Sudoers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the smallest rules of sudoers that the configuration needs.",
        discussion: """
            The rules let the account of the daemon run the launcher, and nothing else, as the accounts that jobs may have: \
            in proxy mode the proxy account; in user mode the allowed accounts, or the members of the allowed groups, or \
            everybody but root, without those who are denied. Where the policy is narrower than rules can be, a comment says in what. visudo checks them before they are printed. Exit status 0, or 1 \
            when there are none. `impersonate doctor --backend sudo` checks those that are installed.
            """
    )

    @OptionGroup var configurationOptions: ConfigurationOptions
    @OptionGroup var sudoOptions: SudoOptions

    @Option(help: ArgumentHelp("The account of the daemon. The calling user unless set.", valueName: "account"))
    var worker: String?

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "An account that jobs may have, in place of what the configuration says. May be repeated.",
            valueName: "account"
        )
    )
    var accounts: [String] = []

    @Option(
        name: .customLong("group"),
        help: ArgumentHelp(
            "A group that jobs may have as their primary one beside the account's own. May be repeated.",
            valueName: "group"
        )
    )
    var groups: [String] = []

    @Option(
        name: .customLong("command"),
        help: ArgumentHelp(
            "A program that jobs may run, with --sudo-profile restricted. May be repeated.",
            valueName: "path"
        )
    )
    var programs: [String] = []

    @Flag(help: "Print one line of JSON: worker, rules and verified.")
    var json = false

    /// What `--json` prints.
    private struct Printed: Encodable {
        let worker: String
        let rules: [String]
        let verified: Bool
    }

    func validate() throws {
        guard programs.isEmpty || sudoOptions.profile == .restricted else {
            throw ValidationError("--command needs --sudo-profile restricted")
        }
    }

    func run() async throws {
        do {
            let rules = try await rules()
            let lines = try rules.lines()
            let verdict = await RulesCheck.check(
                lines.joined(separator: "\n") + "\n",
                forRustAt: rules.isForRust ? (try? SudoProgram(at: FilePath(sudoOptions.program)))?.place : nil
            )
            if case .invalid(let reason) = verdict {
                throw ToolFailure("rulesInvalid", "visudo does not take the rules: \(reason)")
            }
            if verdict == .notInstalled {
                Console.error([
                    "impersonate: no visudo has checked these rules, since there is none; check them before use"
                ])
            }
            let printed = Printed(worker: rules.worker.name, rules: lines, verified: verdict == .valid)
            Console.output(json ? [try JSONText.line(printed)] : lines)
        } catch let problem as SudoersRules.Problem {
            throw fail(problem.message)
        } catch let failure as ToolFailure {
            throw fail(failure.message)
        } catch let error as ConfigurationError {
            throw fail(error.diagnostics.map(\.description).joined(separator: "; "))
        } catch let error as AccountDirectoryError {
            throw fail("\(error.subject): \(error.message)")
        }
    }

    private func fail(_ message: String) -> ExitCode {
        Console.error(["impersonate: \(message)"])
        return .failure
    }

    private func rules() async throws -> SudoersRules {
        let worker = Worker(try configurationOptions.load().configuration)
        let daemon: Account?
        if let name = self.worker {
            daemon = try await account(name, worker)
        } else {
            daemon = try await worker.caller()
        }
        guard let daemon else {
            throw ToolFailure("workerUnknown", "name the account of the daemon (--worker); root needs no sudo")
        }
        guard daemon.userID.rawValue != 0 else {
            throw ToolFailure(
                "workerIsRoot",
                "\(daemon.name) is the superuser and needs no sudo; name the daemon's account"
            )
        }
        let (targets, shells) = try await targets(worker)
        var named: [SudoersRules.Account] = []
        for group in groups { named.append(try await self.group(group, worker)) }
        let flavour = await flavour()
        var rules = SudoersRules(
            worker: SudoersRules.Account(daemon),
            targets: .everybody,
            programs: programs,
            groups: named,
            launcher: sudoOptions.launcher,
            profile: sudoOptions.profile,
            shells: shells
        )
        if case .rust = flavour { rules.isForRust = true }
        rules.knowsExpressions = flavour?.knowsExpressions ?? false
        if sudoOptions.profile == .su, !rules.knowsExpressions {
            rules.remarks.append(
                "signals: sudo before 1.9.10 cannot say them exactly behind su, so they are left out; give jobs a cgroup"
            )
        }
        try await SudoersPolicy(worker: worker, namesAccounts: !accounts.isEmpty).narrow(&rules, to: targets)
        return rules
    }

    /// Which `sudo` there is; asked as whoever runs this, who may be root, as no launcher would.
    private func flavour() async -> SudoProgram.Flavour? {
        guard let program = try? SudoProgram(at: FilePath(sudoOptions.program)),
            let answer = await ShortProgram.run([program.path.string, "--version"])
        else { return nil }
        return SudoProgram.Flavour(version: answer.output)
    }

    private func targets(_ worker: Worker) async throws -> (SudoersPolicy.Choice, shells: [String]) {
        let configuration = worker.configuration
        if !accounts.isEmpty { return try await targets(accounts, worker) }
        switch configuration.executionMode.value {
        case .desktop:
            throw ToolFailure("noSwitch", "in desktop mode jobs run as the daemon itself, and sudo is not used")
        case .proxy:
            let resolution = try await worker.resolver.resolve(
                ExecutionRequest(login: configuration.proxyAccount.value)
            )
            guard let account = resolution.identity?.account else {
                throw ToolFailure(resolution.reason, "proxy_account: \(resolution.message)")
            }
            return (.accounts([account]), [account.shell.string])
        case .user: break
        }
        if let allowed = configuration.allowedAccounts.value {
            return try await targets(allowed.map(\.spelling), worker)
        }
        if let allowed = configuration.allowedGroups.value {
            var members: [SudoersRules.Account] = []
            for reference in allowed { members.append(try await SudoersPolicy(worker: worker).group(reference)) }
            return (.members(of: members), [])
        }
        return (.everybody, [])
    }

    private func targets(
        _ names: [String],
        _ worker: Worker
    ) async throws -> (SudoersPolicy.Choice, shells: [String]) {
        var found: [Account] = []
        for name in names { found.append(try await account(name, worker)) }
        return (.accounts(found), Array(Set(found.map(\.shell.string))).sorted())
    }

    private func account(_ name: String, _ worker: Worker) async throws -> Account {
        let parsed: AccountName
        do throws(AccountNameError) {
            parsed = try AccountName(name, syntax: worker.configuration.nameSyntax)
        } catch {
            throw ToolFailure(
                "nameInvalid",
                "\"\(error.text)\" cannot be the name of an account: \(error.message); name an account of this host"
            )
        }
        guard let account = try await worker.directory.account(named: parsed, freshness: .cached) else {
            throw ToolFailure(
                "accountUnknown",
                "no account is called \(name); create the account first, then print the rules"
            )
        }
        return account
    }

    private func group(_ name: String, _ worker: Worker) async throws -> SudoersRules.Account {
        guard let reference = GroupReference(name) else {
            throw ToolFailure(
                "groupUnknown",
                "\"\(name)\" is no group; write a name, or the number of an ordinary group"
            )
        }
        return try await SudoersPolicy(worker: worker).group(reference)
    }
}
