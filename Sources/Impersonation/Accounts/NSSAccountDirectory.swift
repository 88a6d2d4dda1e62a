import LocalAccounts
public import Logging
public import Metrics
import NameLookup
public import SystemPackage

/// The accounts of this host as its name service knows them: files, LDAP, SSSD, winbind and Active Directory, NIS.
///
/// Asks `getpwnam_r(3)`, `getpwuid_r(3)`, `getgrnam_r(3)` and `getgrouplist(3)`, with a deadline. Where `/etc/nsswitch.conf`
/// names services that may leave this machine, they are asked by processes without privileges that are killed when a directory
/// hangs (``Asking``); local accounts do not wait for one that does. It has no memory: every answer is current, whatever
/// freshness is asked for. Put a ``CachingAccountDirectory`` in front of it.
///
/// Only a return value of 0 without an entry means "no such account". Every other number is an outage (`ENOENT` is what a
/// stopped winbind looks like, `ECONNREFUSED` a stopped SSSD, and modules invent numbers of their own) and becomes
/// ``AccountDirectoryError/Code/unavailable``. glibc returns the number of the *last* service it has asked: where
/// `/etc/nsswitch.conf` puts a local service behind one that may be down (`sss files`), an outage looks like "no such
/// account". Put the one that may be down last (`files sss`); `impersonate doctor` tells.
///
/// An answer has to survive the way back: the name it gives must lead to the same user id once more, and to the same
/// groups. Where a directory shortens `someuser@OTHER` to `someuser`, they would otherwise be those of somebody else. A
/// local account that has the short name of an account of the domain (`winbind use default domain`) is refused where winbind
/// adds the groups of that one: the local files tell. What winbind gives for an account and is a group is marked
/// (``Account/isGroup``), and no rule lets it pass.
///
/// SSSD shares a cache with its clients that knows one account of each short name, the last that anybody asked for. Where
/// two domains of SSSD have short names (`use_fully_qualified_names = false`), a bare name and a user id may therefore be
/// answered with the account of one domain and the groups of another, and nothing shows it. Lookup processes and `getent` are
/// kept from that cache (`SSS_NSS_USE_MEMCACHE=NO`); a daemon that asks by threads has to be started so.
///
/// Neither winbind nor SSSD tells an account that it has not heard of while its directory is down from one that there is
/// not. Before they say that there is none, lookup processes ask winbind whether a server of the machine's domain answers, where the
/// name has a domain, and SSSD's InfoPipe whether the directory is reached that would know it; where it is not, it is
/// ``AccountDirectoryError/Code/unavailable``. Asked in another way, or of an SSSD that does not tell (``Route/doubts``), the answer is
/// `nil`, and ``reasonsToDoubtAbsence()`` says so. A directory that is down while `getgrouplist(3)` asks for groups makes it leave
/// groups out without saying so: the answer may then hold fewer groups than the account has, never more. One that hangs has the same effect on a *local* account:
/// its groups are asked for elsewhere with a short patience (at most a second, and not again for five), then they are those that
/// the local files list. Where another service may know more, the account says that
/// (``Account/groupsAreComplete``), and no rule that decides by the absence of a group lets it pass.
///
/// What the local files answer first is read from them. One that is there and cannot be read makes everything
/// ``AccountDirectoryError/Code/unavailable``.
public struct NSSAccountDirectory: AccountDirectory {
    /// How account names are spelt at this site; the answers of the directory have to be spelt the same way.
    public let syntax: AccountNameSyntax

    /// How long one lookup may take before its caller gets ``AccountDirectoryError/Code/deadlineExceeded``.
    public let deadline: Duration

    /// How the name service is asked where it may hang.
    public let asking: Asking

    private let service: any NameService
    let workers: BlockingWorkers

    /// Those for what does not leave this machine; `nil` where nobody can tell what does.
    private let localWorkers: BlockingWorkers?

    /// Creates a directory that asks this host's name service.
    ///
    /// - Parameters:
    ///   - syntax: How account names are spelt at this site.
    ///   - deadline: How long one lookup may take.
    ///   - maximumConcurrency: How many lookups that may leave this machine can be under way, and as many that do not. Asked by
    ///     ``Asking/threads``, each lookup that hangs in the name service keeps one of these places until it returns.
    ///   - asking: How the name service is asked where it may hang.
    ///   - logger: Who is told, once each time, that ``Asking/automatic`` goes another way than before.
    ///   - metrics: What makes the metric that the article Metrics lists for it.
    public init(
        syntax: AccountNameSyntax = .standard,
        deadline: Duration = .seconds(5),
        maximumConcurrency: Int = 16,
        asking: Asking = .automatic,
        logger: Logger = .current,
        metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        let asker: (any LookupAsker)? =
            switch asking {
            case .automatic:
                AutomaticAsker(
                    helper: Self.usualHelper,
                    getent: Getent.usualPath,
                    telling: LookupObserver(logger: logger, metrics: metrics)
                )
            case .lookupProcess(let path): LookupProcesses(at: path)
            case .getent: Getent()
            case .threads: nil
            }
        func workers() -> BlockingWorkers {
            BlockingWorkers(name: "name-service", maximumThreads: maximumConcurrency)
        }
        self.init(
            service: asker.map { AskedNameService($0) } ?? SystemNameService(),
            syntax: syntax,
            deadline: deadline,
            workers: workers(),
            localWorkers: asker.map { _ in workers() },
            asking: asking
        )
    }

    init(
        service: any NameService,
        syntax: AccountNameSyntax,
        deadline: Duration,
        workers: BlockingWorkers,
        localWorkers: BlockingWorkers? = nil,
        asking: Asking = .threads
    ) {
        self.service = service
        self.syntax = syntax
        self.deadline = deadline
        self.workers = workers
        self.localWorkers = localWorkers
        self.asking = asking
    }

    /// Looks an account up by name; the corresponding C functions are `getpwnam_r` and `getgrouplist`.
    ///
    /// Cancelling the task ends the waiting at once with ``AccountDirectoryError/Code/cancelled``; the lookup itself
    /// cannot be interrupted and its result is dropped.
    ///
    /// - Parameters:
    ///   - name: The name to ask for.
    ///   - freshness: Without effect: the answer is always current.
    /// - Returns: The account with all its groups, or `nil` when the name service says that there is none.
    /// - Throws: ``AccountDirectoryError`` when the name service could not be asked or gave no usable answer.
    public func account(
        named name: AccountName,
        freshness: AccountFreshness = .current
    ) async throws(AccountDirectoryError) -> Account? {
        try await look(upFor: "account \(name)", .accountName(name.spelling)) { lookup in lookup.account(named: name) }
    }

    /// Looks an account up by user id; the corresponding C functions are `getpwuid_r` and `getgrouplist`.
    ///
    /// Cancelling the task ends the waiting at once with ``AccountDirectoryError/Code/cancelled``; the lookup itself
    /// cannot be interrupted and its result is dropped.
    ///
    /// - Parameters:
    ///   - userID: The user id to ask for.
    ///   - freshness: Without effect: the answer is always current.
    /// - Returns: The account with all its groups, or `nil` when the name service says that there is none.
    /// - Throws: ``AccountDirectoryError`` when the name service could not be asked or gave no usable answer.
    public func account(
        withID userID: UserID,
        freshness: AccountFreshness = .current
    ) async throws(AccountDirectoryError) -> Account? {
        try await look(upFor: "uid \(userID.rawValue)", .accountID(userID)) { lookup in lookup.account(withID: userID) }
    }

    /// Looks a group up by name; the corresponding C function is `getgrnam_r`.
    ///
    /// Cancelling the task ends the waiting at once with ``AccountDirectoryError/Code/cancelled``; the lookup itself
    /// cannot be interrupted and its result is dropped.
    ///
    /// - Parameters:
    ///   - name: The name of the group.
    ///   - freshness: Without effect: the answer is always current.
    /// - Returns: The group id, or `nil` when the name service says that there is no such group.
    /// - Throws: ``AccountDirectoryError`` when the name service could not be asked or gave no usable answer, and with
    ///   ``AccountDirectoryError/Code/malformedName`` for a text that cannot be the name of a group.
    public func groupID(
        named name: String,
        freshness: AccountFreshness = .current
    ) async throws(AccountDirectoryError) -> GroupID? {
        try await look(upFor: "group \(name.printable())", .groupName(name)) { lookup in lookup.groupID(named: name) }
    }

    /// Why winbind or SSSD may not know an account that there is: one of them calls accounts absent while it does not reach its directory,
    /// and nobody is asked or tells whether it does, or of which names (``Route/doubts``).
    ///
    /// - Returns: What is the matter and what to do about it, a reason each.
    public func reasonsToDoubtAbsence() async -> [String] {
        do throws(AccountDirectoryError) {
            return try await route().doubtsOfAbsence
        } catch {
            // Whoever could not be asked now may not have been asked before.
            return [error.description]
        }
    }

    /// What a lookup has come to on the workers for what does not leave this machine.
    private enum Step<Value: Sendable>: Sendable {
        case done(Result<Value, AccountDirectoryError>)
        case leavesThisMachine(LocalFiles)
    }

    /// Whatever hangs is to be killed before those who wait for it go, so that their threads come back.
    private var killingTime: Duration { deadline - min(deadline / 10, .milliseconds(100)) }

    private func look<Value: Sendable>(
        upFor subject: String,
        _ asked: LocalFiles.Subject,
        _ question: @escaping @Sendable (NameServiceLookup) -> Result<Value, AccountDirectoryError>
    ) async throws(AccountDirectoryError) -> Value {
        let (service, syntax) = (self.service, self.syntax)
        let end = MonotonicTime.now + deadline
        let time = MonotonicTime.now + killingTime
        let lookUp = { @Sendable (files: LocalFiles, isLocal: Bool) in
            question(
                NameServiceLookup(
                    service: service.forLookup(until: time, with: files, isLocal: isLocal),
                    files: files,
                    syntax: syntax,
                    subject: subject
                )
            )
        }
        guard let localWorkers else {
            return try await perform(on: workers, for: subject, deadline) {
                lookUp(service.localFiles(), false)
            }
            .get()
        }
        // On threads of their own: those of the others may all wait for a directory that hangs.
        let step = try await perform(on: localWorkers, for: subject, deadline) { () -> Step<Value> in
            let files = service.localFiles()
            do throws(LocalFilesProblem) {
                if let problem = files.problem { throw problem }
                guard files.asksOthers else { return .done(lookUp(files, false)) }
                let isLocal = try files.entry(asked) != nil
                guard isLocal else { return .leavesThisMachine(files) }
                return .done(lookUp(files, isLocal))
            } catch {
                return .done(.failure(error.failure(subject: subject)))
            }
        }
        switch step {
        case .done(let result): return try result.get()
        case .leavesThisMachine(let files):
            return try await perform(on: workers, for: subject, end.remaining) { lookUp(files, false) }.get()
        }
    }

    private func perform<Value: Sendable>(
        on workers: BlockingWorkers,
        for subject: String,
        _ patience: Duration,
        _ body: @escaping @Sendable () -> Value
    ) async throws(AccountDirectoryError) -> Value {
        do throws(BlockingWorkersError) {
            return try await workers.perform(deadline: patience, body)
        } catch {
            throw unanswered(error, subject: subject)
        }
    }

    func unanswered(_ error: BlockingWorkersError, subject: String) -> AccountDirectoryError {
        switch error {
        case .deadlineExceeded:
            AccountDirectoryError(
                .deadlineExceeded,
                subject: subject,
                message: "the name service did not answer within \(deadline); "
                    + "see which service of /etc/nsswitch.conf hangs, then try again"
            )
        case .saturated:
            AccountDirectoryError(
                .saturated,
                subject: subject,
                message: "the name service was not asked, because lookups before this one hang in it; "
                    + "see which service of /etc/nsswitch.conf hangs, then try again"
            )
        case .cancelled:
            AccountDirectoryError(.cancelled, subject: subject, message: "the task that asked was cancelled")
        }
    }
}
