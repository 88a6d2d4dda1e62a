extension ResolutionContext {
    /// Desktop mode: the account the worker itself runs as.
    ///
    /// Nothing is switched, and no `proxy_*` setting, grant or
    /// credential is looked at.
    ///
    /// The rules apply as everywhere. The built-in ones keep a superuser's worker from running jobs at all; the site's
    /// own say which accounts may run jobs on this host, and an owner who is not among them does not become so by
    /// starting the worker himself.
    mutating func resolveInDesktopMode(as current: CurrentAccount) async throws(ResolutionStop) -> ExecutionIdentity {
        note("desktopMode", from: policy.mode.source, "every job runs as the worker's own account; nothing is switched")
        let login = try login()
        if let requested = request.requestedAccount {
            note(
                "requestedAccountIgnored",
                from: .request,
                "the request names account \"\(requested.printable())\", which has no influence in desktop mode"
            )
        }
        noteAlternative("in user mode: \((request.requestedAccount ?? login.spelling).printable())")
        let account = try await found(
            otherwise: "the directory knows no account for the user id that the worker itself runs under",
            "start the worker as an account of this host"
        ) { search throws(ResolutionStop) in
            do throws(AccountDirectoryError) {
                return try await current.lookUp(search.directory)
            } catch {
                throw .directory(error, "the worker's own account could not be looked up")
            }
        }
        let found = FoundAccount(account: account, askedFor: account.name)
        let identity = try await admit(found, login: login)
        note("workerAccount", from: policy.mode.source, "the job of \(login) runs as \(found.summary), like the worker")
        return identity
    }
}
