/// The rules every account has to pass, and the only maker of an ``ExecutionIdentity``.
///
/// The rules that keep the superuser out are always there and cannot be removed; whatever else is given comes after
/// them. All of them apply in every mode: an account that must not run jobs does not run them because it happens to
/// be the proxy account or the worker's own.
public struct AccountRules: Sendable {
    /// The site's own rules, in order, after the built-in ones.
    public var additional: [any AccountRule]

    /// Creates a set of rules.
    ///
    /// - Parameter additional: The site's own rules, in order, after the built-in ones.
    public init(_ additional: [any AccountRule]) {
        self.additional = additional
    }

    /// The built-in rules and a minimum user id of 1000, where Debian and most others begin to number people.
    public static var standard: AccountRules {
        AccountRules([MinimumUserIDRule(1_000, from: .builtIn)])
    }

    /// Superuser, reserved ids, those of lookup processes, superuser's group, machines and groups, answers that do not match the question, pinned
    /// ids: always applied, first, and without any way to leave one out.
    static var builtIn: [any AccountRule] {
        [
            SuperuserRule(), ReservedIDRule(), LookupAccountRule(), SuperuserGroupRule(), MachineAccountRule(),
            GroupAccountRule(), NameAgreementRule(), PinnedIDRule(),
        ]
    }

    /// The outcome of applying the rules.
    public enum Admission: Sendable, Hashable {
        /// Every rule passed; here is the proof.
        case admitted(ExecutionIdentity)

        /// A rule refused the account.
        case refused(Denial)
    }

    /// Applies every rule to an account and, when all pass, makes the identity.
    ///
    /// - Parameters:
    ///   - candidate: The account, as the directory answered, and what was asked for.
    ///   - login: The authenticated person on whose behalf the job runs.
    ///   - mode: The mode that chose the account.
    ///   - directory: Where names in the rules themselves are looked up.
    ///   - explanation: Where each rule notes what it found.
    /// - Returns: The identity, or the first refusal.
    /// - Throws: ``AccountDirectoryError`` when a rule could not be decided. Nothing may run then.
    public func admit(
        _ candidate: AccountCandidate,
        login: AccountName,
        mode: ExecutionMode,
        in directory: any AccountDirectory,
        explanation: inout Explanation
    ) async throws(AccountDirectoryError) -> Admission {
        for rule in Self.builtIn + additional {
            let verdict: AccountVerdict
            do throws(AccountDirectoryError) {
                verdict = try await rule.judge(candidate, in: directory)
            } catch {
                explanation.note(rule.name, from: rule.source, "could not be decided: \(error)")
                throw error
            }
            switch verdict {
            case .passes(let text, let source):
                explanation.note(rule.name, from: source ?? rule.source, text)
            case .notConcerned:
                continue
            case .refused(let denial, let source):
                explanation.note(rule.name, from: source ?? rule.source, denial.message)
                return .refused(denial)
            }
        }
        return .admitted(
            ExecutionIdentity(
                admitted: candidate.account,
                login: login,
                mode: mode,
                method: mode == .desktop ? .keepCurrentAccount : .switchAccount
            )
        )
    }
}
