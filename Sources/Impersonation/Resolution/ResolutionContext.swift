import SystemPackage

/// One resolution on its way through the stages of ``PolicyResolver``: the request, the snapshot it is decided by, and
/// what the rules have said so far.
struct ResolutionContext {
    let request: ExecutionRequest
    let policy: ExecutionPolicy
    let naming: AccountNaming
    var directory: any AccountDirectory
    var explanation = Explanation()

    init(request: ExecutionRequest, policy: ExecutionPolicy, directory: any AccountDirectory) {
        self.request = request
        self.policy = policy
        self.naming = AccountNaming(syntax: policy.nameSyntax, hostDomain: policy.hostDomain.value)
        self.directory = directory
    }

    /// Notes a rule that had a say.
    mutating func note(_ rule: String, from source: RuleSource, _ text: String) {
        explanation.note(rule, from: source, text)
    }

    /// Notes what would have happened otherwise.
    mutating func noteAlternative(_ text: String) {
        explanation.alternatives.append(text)
    }

    /// Notes the rule that refuses the request; what it returns is thrown.
    mutating func refusing(_ rule: String, from source: RuleSource, _ denial: Denial) -> ResolutionStop {
        note(rule, from: source, denial.message)
        return .denied(denial)
    }

    /// Reads the name of the person the request comes from.
    ///
    /// Without one nothing runs, in any mode.
    mutating func login() throws(ResolutionStop) -> AccountName {
        guard let login = request.login, !login.isEmpty else {
            throw refusing(
                "login",
                from: .request,
                Denial(
                    .noAccountNamed,
                    message: "the request comes from nobody: no login user is named, and nothing defaults to the "
                        + "worker's own account; authenticate the submitter and name the login"
                )
            )
        }
        return try name(login, role: "login")
    }

    /// Reads a name of the request.
    ///
    /// - Parameters:
    ///   - text: The name as it arrived.
    ///   - role: What it names: the stable name of the rule that refuses it.
    /// - Returns: The name.
    /// - Throws: ``ResolutionStop/denied(_:)`` when the text cannot be the name of an account.
    mutating func name(_ text: String, role: String) throws(ResolutionStop) -> AccountName {
        do throws(AccountNameError) {
            return try AccountName(text, syntax: naming.syntax)
        } catch {
            let subject = role == "login" ? "the login user of the request" : "the account the request names"
            throw refusing(role, from: .request, Denial(.invalidAccountName, message: "\(subject): \(error)"))
        }
    }

    /// Lets the rules judge an account and makes the identity.
    mutating func admit(
        _ found: FoundAccount,
        login: AccountName
    ) async throws(ResolutionStop) -> ExecutionIdentity {
        let candidate = AccountCandidate(
            account: found.account,
            askedFor: found.askedFor,
            request: request,
            naming: naming
        )
        let admission: AccountRules.Admission
        do throws(AccountDirectoryError) {
            admission = try await policy.accountRules.admit(
                candidate,
                login: login,
                mode: policy.mode.value,
                in: directory,
                explanation: &explanation
            )
        } catch {
            throw .directory(error, "the rules for account \(found.account.name) could not be decided")
        }
        switch admission {
        case .admitted(let identity): return identity
        case .refused(let denial): throw .denied(denial)
        }
    }
}

/// An account, and the name the directory was asked for when it answered with it.
struct FoundAccount {
    let account: Account
    let askedFor: AccountName

    /// The account and its user id, for an explanation.
    var summary: String { "\(account.name) (uid \(account.userID.rawValue))" }
}
