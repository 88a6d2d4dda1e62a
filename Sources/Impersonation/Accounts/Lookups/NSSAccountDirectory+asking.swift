import LocalAccounts
import NameLookup
public import SystemPackage

extension NSSAccountDirectory {
    /// How the name service is asked where it may hang.
    ///
    /// That is where `/etc/nsswitch.conf` names a service that may leave this machine, for accounts or for groups: any but
    /// `files`, `systemd`, `db`, `altfiles` and `extrausers`. Local ones alone are asked in this process, always.
    public enum Asking: Sendable, Hashable {
        /// A lookup process where the helper is installed (``usualHelper``), else `getent(1)`, else threads; never threads again once
        /// one of the others has answered.
        ///
        /// The log is told when questions go another way than before, the metrics of each that another way has answered.
        case automatic

        /// Processes without privileges (`impersonation-helper --lookup`), which take one question after the other and are
        /// killed when one hangs.
        ///
        /// They are this process's children: where it may switch accounts, they run under a number that no account has,
        /// or one that nobody logs in to, without groups. Where it may not, they have its own account, without its capabilities.
        case lookupProcess(at: FilePath)

        /// `/usr/bin/getent`: a process for each question. It costs some milliseconds each time.
        ///
        /// What it does not find is asked for once more on a thread, because it does not tell an account that there is not from
        /// one whose directory is down; only that is believed. Names that are numbers cannot be asked for. It is no way where it
        /// would have to run as `nobody`, in a small user namespace: every process of that account could answer in its place.
        case getent

        /// Threads of this process. One that hangs in a module keeps its place until that returns, which takes five minutes
        /// with winbind and SSSD, and modules run with all that this process may do.
        case threads
    }

    /// Where the helper is installed.
    public static let usualHelper: FilePath = "/usr/libexec/impersonation-helper"

    /// Which way questions go at this moment.
    public struct Route: Sendable, Hashable {
        /// Who asks.
        public enum Way: Sendable, Hashable {
            /// This process, because the name service asks nobody outside of this machine.
            case local

            /// Lookup processes of this helper.
            case lookupProcess(FilePath)

            /// `getent(1)`.
            case getent(FilePath)

            /// Threads of this process.
            case threads
        }

        /// Who asks.
        public var way: Way

        /// Why ways before it are not taken, a clause each.
        public var refusals: [String]

        /// Why an account that is said not to exist may be one of a directory that is away, and what to do about it: two clauses with a
        /// semicolon between them for each reason.
        public var doubts: [String] = []

        /// Those of accounts that are said not to exist; the others are of accounts that are said to be unavailable.
        var doubtsOfAbsence: [String] = []
    }

    /// Looks which way questions go; starts a lookup process to see whether it would work, and what it is told.
    ///
    /// - Returns: The way, why others are not taken, and what an answer may be worth.
    /// - Throws: ``AccountDirectoryError`` when nobody can be asked as this directory was told to, or within its deadline.
    public func route() async throws(AccountDirectoryError) -> Route {
        let asking = self.asking
        let time = MonotonicTime.now + deadline
        let result: Result<Result<Route, NoAnswer>, BlockingWorkersError>
        do throws(BlockingWorkersError) {
            result = .success(
                try await workers.perform(deadline: deadline) {
                    Result { () throws(NoAnswer) in try Route(asking, until: time) }
                }
            )
        } catch {
            result = .failure(error)
        }
        let subject = "the name service"
        switch result {
        case .success(.success(let route)): return route
        case .success(.failure(.late)): throw unanswered(.deadlineExceeded, subject: subject)
        case .success(.failure(.broken(let reason))), .success(.failure(.unusable(let reason))):
            throw AccountDirectoryError(
                .unavailable,
                subject: subject,
                message:
                    "it cannot be asked this way: \(reason); install the helper (make install-helper), or ask otherwise"
            )
        case .failure(let error): throw unanswered(error, subject: subject)
        }
    }
}

extension NSSAccountDirectory.Route {
    /// Tries the ways in their order, on a thread that may block.
    fileprivate init(_ asking: NSSAccountDirectory.Asking, until time: MonotonicTime) throws(NoAnswer) {
        self.init(way: .local, refusals: [])
        let files = LocalFiles.ofThisHost()
        if let problem = files.problem { throw .broken(problem.message) }
        guard files.asksOthers else { return }
        switch asking {
        case .threads: way = .threads
        case .getent:
            try Getent().rehearse()
            way = .getent(Getent.usualPath)
        case .lookupProcess(let path):
            try note(LookupProcesses(at: path).rehearse(until: time))
            way = .lookupProcess(path)
        case .automatic:
            way = .threads
            do throws(NoAnswer) {
                try note(LookupProcesses(at: NSSAccountDirectory.usualHelper).rehearse(until: time))
                way = .lookupProcess(NSSAccountDirectory.usualHelper)
            } catch {
                try note(error)
                do throws(NoAnswer) {
                    try Getent().rehearse()
                    way = .getent(Getent.usualPath)
                } catch {
                    try note(error)
                }
            }
        }
        let services = [LocalFiles.winbind, LocalFiles.sssd]
        switch way {
        case .getent, .threads:
            note(services.contains(where: files.accountServices.contains) ? DirectoryDoubt.unasked : nil)
        case .local, .lookupProcess: break
        }
    }

    private mutating func note(_ doubt: DirectoryDoubt?) {
        guard let doubt else { return }
        doubts.append(doubt.message)
        if doubt.leavesAbsenceOpen { doubtsOfAbsence.append(doubt.message) }
    }

    private mutating func note(_ error: NoAnswer) throws(NoAnswer) {
        guard case .unusable(let reason) = error else { throw error }
        refusals.append(reason)
    }
}
