import ArgumentParser
import Impersonation
import QubeCompatibility
import SystemPackage

/// Finds what would keep commands from running as they should.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Finds what would keep commands from running as they should, with the remedy.",
        discussion: """
            Run it the way the daemon runs: privileges, limits and file systems are those of this process. Nothing is \
            changed. Exit status 0 when nothing failed, 1 otherwise; warnings do not count.
            """
    )

    @OptionGroup var configurationOptions: ConfigurationOptions

    @Option(help: "The backend to look after. The configuration decides unless set.")
    var backend: BackendChoice?

    @OptionGroup var helperOptions: HelperOptions
    @OptionGroup var sudoOptions: SudoOptions

    @Flag(help: "Print the findings as one line of JSON: an array of check, status, found and remedy.")
    var json = false

    func run() async throws {
        let findings = try await examine()
        Console.output(json ? [try JSONText.line(findings)] : findings.map(\.line))
        guard !findings.contains(where: { $0.status == .failed }) else { throw ExitCode.failure }
    }

    private func examine() async throws -> [Finding] {
        var findings: [Finding] = []
        var worker: Worker?
        do throws(ConfigurationError) {
            let loaded = try configurationOptions.load()
            findings.append(FileCheck.finding(loaded))
            worker = Worker(loaded.configuration)
        } catch {
            findings.append(FileCheck.finding(error))
        }
        let inUse = try BackendInUse(named: backend, worker?.configuration)
        let chosen = inUse.choice
        // Which one is in use, nobody knows without a configuration.
        if worker != nil || backend != nil { try inUse.mustHeed(helperOptions, sudoOptions) }
        if inUse.startsNothing {
            findings.append(
                Finding("backend", .failed, BackendInUse.whyNothing, remedy: BackendInUse.remedyForNothing)
            )
        }
        findings += ProcessCheck(backend: chosen, status: .own).findings()
        if chosen == .helper {
            findings.append(HelperCheck(options: helperOptions).finding())
        } else if chosen == .pam {
            findings.append(HelperCheck(options: helperOptions, needsSessions: true).finding())
            let service = worker?.configuration.pamService.value ?? PAMLauncher.defaultService
            findings += ServiceCheck(service: service).findings()
        } else if chosen == .sudo {
            findings += await SudoCheck(options: sudoOptions, target: await target(of: worker)).findings()
        } else {
            findings += CapabilityCheck(switchesAccounts: chosen != .current).findings()
        }
        if let worker {
            findings += FileCheck(configuration: worker.configuration).findings()
            findings += await NameServiceCheck(worker: worker).findings()
            findings.append(NameServiceOrderCheck.ofThisHost.finding())
        }
        findings += KernelCheck().findings()
        return findings
    }

    /// The account that every job has, if there is one.
    private func target(of worker: Worker?) async -> Account? {
        guard let worker, worker.configuration.executionMode.value == .proxy else { return nil }
        let request = ExecutionRequest(login: worker.configuration.proxyAccount.value)
        return try? await worker.resolver.resolve(request).identity?.account
    }
}
