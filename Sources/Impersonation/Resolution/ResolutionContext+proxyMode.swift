extension ResolutionContext {
    /// Proxy mode: the worker's proxy account, whoever submits and whatever account the job names.
    mutating func resolveInProxyMode() async throws(ResolutionStop) -> ExecutionIdentity {
        note("proxyMode", from: policy.mode.source, "every job runs as the worker's proxy account")
        let login = try login()
        noteAlternativeInUserMode(login)
        if let requested = request.requestedAccount {
            note(
                "requestedAccountIgnored",
                from: .request,
                "the request names account \"\(requested.printable())\", which has no influence in proxy mode"
            )
        }
        let found = try await find(try proxyAccount())
        let identity = try await admit(found, login: login)
        note("proxyAccount", from: policy.proxyAccount.source, "the job of \(login) runs as \(found.summary)")
        return identity
    }

    /// The configured proxy account, which has to be a bare name.
    func proxyAccount() throws(ResolutionStop) -> AccountName {
        let (text, source) = (policy.proxyAccount.value, policy.proxyAccount.source)
        let name: AccountName
        do throws(AccountNameError) {
            name = try AccountName(text, syntax: naming.syntax)
        } catch {
            throw .undecided(
                .invalidPolicy,
                message: "proxy_account (\(source)) takes a bare user name only, and \(error)",
                underlyingError: error
            )
        }
        guard let domain = name.domain else { return name }
        throw .undecided(
            .invalidPolicy,
            message: "proxy_account (\(source)) takes a bare user name only, and \"\(text.printable())\" names "
                + "a domain as well; write proxy_account = \(name.user) and worker_host_domain = \(domain)",
            underlyingError: nil
        )
    }

    private mutating func noteAlternativeInUserMode(_ login: AccountName) {
        guard let requested = request.requestedAccount, requested != login.spelling else {
            noteAlternative("with proxy_execution_mode = user: \(login)")
            return
        }
        noteAlternative(
            "with proxy_execution_mode = user: \(requested.printable()), if \(login) may act as that account"
        )
    }
}
