import FoundationEssentials
import Impersonation
import SystemPackage

extension ProcessLauncherConformance {
    static let adoptionRequirements: [Requirement] = [
        Requirement("a running job is taken over by what names it, and a process that is not the job is left alone") {
            subject in
            let process = try await subject.launch(Command(.path("/bin/sleep"), arguments: ["60"]))
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(try await takeOver(process, subject))
            } catch {
                outcome = .failure(error)
            }
            let exit = try await process.terminate(gracePeriod: .zero)
            try outcome.get()
            guard case .signaled = exit.status else {
                throw Violation(message: "a job that was to run ended with \(exit.status)")
            }
        }
    ]

    private static func takeOver(_ process: LaunchedProcess, _ subject: LauncherUnderTest) async throws {
        let isExempt = subject.exemptions.contains(.jobsAreNotTakenOver)
        guard let written = process.reference else {
            return try require(isExempt, "the process has no reference")
        }
        // As a later daemon reads it.
        let reference = try JSONDecoder().decode(JobReference.self, from: JSONEncoder().encode(written))
        try require("the reference that was read back", reference, is: written)
        try require("the process of the reference", reference.processID, is: process.processID.rawValue)

        let account = subject.identity.account
        let stranger = try await ExecutionIdentity.forTesting(
            account: Account(
                name: account.name,
                userID: UserID(account.userID.rawValue + 1),
                groupID: account.groupID,
                groups: account.groups,
                homeDirectory: account.homeDirectory,
                shell: account.shell
            ),
            mode: subject.identity.mode
        )
        var earlier = reference
        earlier.startTime += 1
        for (what, reference, identity) in [
            ("a process of another start", earlier, subject.identity), ("a job of somebody else", reference, stranger),
        ] {
            try await mustNotBeTakenOver(reference, as: identity, what, subject)
        }
        guard !isExempt else {
            return try await mustNotBeTakenOver(reference, as: subject.identity, "the job", subject)
        }
        let adopted = try await subject.launcher.adopt(reference, as: subject.identity)
        try require("the process that was taken over", adopted.processID, is: process.processID)
        try require("the identity that was taken over", adopted.identity, is: subject.identity)
        try adopted.send(.kill)
        try require("the end", try await process.exitReport().status, is: .signaled(.kill))
        try await mustNotBeTakenOver(reference, as: subject.identity, "a job that has ended", subject)
    }

    private static func mustNotBeTakenOver(
        _ reference: JobReference,
        as identity: ExecutionIdentity,
        _ what: String,
        _ subject: LauncherUnderTest
    ) async throws {
        do throws(LaunchError) {
            _ = try await subject.launcher.adopt(reference, as: identity)
        } catch {
            return
        }
        throw Violation(message: "\(what) was taken over")
    }
}
