import LaunchProtocol
import LocalAccounts
import NameLookup
import Synchronization
import SystemPackage

/// The name service of this host, asked by somebody who can be stopped.
///
/// What the local files answer first is not asked of anybody else: a directory that hangs delays no local account.
struct AskedNameService: NameService {
    /// For how long local accounts are not asked for elsewhere after a directory has hung over one.
    private static let truce = Duration.seconds(5)

    private let asker: any LookupAsker
    private let quiet: Quiet
    private let time: MonotonicTime
    private let patience: Duration
    private let files: LocalFiles
    private let isLocal: Bool

    /// Until when nobody asks a directory for the groups of a local account.
    private final class Quiet: Sendable {
        private let end = Mutex(MonotonicTime.now)

        var isOver: Bool { end.withLock { $0 <= .now } }

        func begin(_ duration: Duration) { end.withLock { $0 = .now + duration } }
    }

    /// Asks somebody.
    ///
    /// - Parameter asker: Whom.
    init(_ asker: any LookupAsker) {
        self.init(asker, Quiet(), until: .now, LocalFiles { _ in [] }, isLocal: false)
    }

    private init(
        _ asker: any LookupAsker,
        _ quiet: Quiet,
        until time: MonotonicTime,
        _ files: LocalFiles,
        isLocal: Bool
    ) {
        self.isLocal = isLocal
        self.asker = asker
        self.quiet = quiet
        self.time = time
        self.files = files
        patience = files.patience(of: time.remaining)
    }

    func forLookup(until time: MonotonicTime, with files: LocalFiles, isLocal: Bool) -> any NameService {
        guard files.asksOthers else { return SystemNameService() }
        return AskedNameService(asker, quiet, until: time, files, isLocal: isLocal)
    }

    func localFiles() -> LocalFiles { LocalFiles.ofThisHost() }

    // What the local files answer first is read from them, and asked of nobody: where glibc could not open them, it would ask the
    // next service, in this process.

    func passwd(named name: String) -> NameServiceAnswer<PasswdEntry> {
        let value = { @Sendable (answer: LookupAnswer) -> PasswdEntry? in
            if case .passwd(let entry) = answer { entry } else { nil }
        }
        return isLocal ? read(.accountName(name), value) : ask(.passwdByName(name), until: time, value)
    }

    func passwd(withID userID: UserID) -> NameServiceAnswer<PasswdEntry> {
        let value = { @Sendable (answer: LookupAnswer) -> PasswdEntry? in
            if case .passwd(let entry) = answer { entry } else { nil }
        }
        return isLocal ? read(.accountID(userID), value) : ask(.passwdByID(userID.rawValue), until: time, value)
    }

    func group(named name: String) -> NameServiceAnswer<GroupEntry> {
        let value = { @Sendable (answer: LookupAnswer) -> GroupEntry? in
            if case .group(let entry) = answer { entry } else { nil }
        }
        return isLocal ? read(.groupName(name), value) : ask(.groupByName(name), until: time, value)
    }

    func groups(of name: String, primary: GroupID) -> NameServiceAnswer<[GroupID]> {
        groups(of: name, primary: primary, until: time)
    }

    /// Asks every service, as `getgrouplist(3)` does also for `root`, for a while.
    ///
    /// One that is down leaves its groups out. Of one that hangs this knows that, and says so.
    func groups(ofLocal name: String, primary: GroupID) -> NameServiceAnswer<GroupList> {
        let local: GroupList
        do throws(LocalFilesProblem) {
            let listed = try files.groups(of: name).sorted { $0.rawValue < $1.rawValue }
            local = GroupList(groups: [primary] + listed, areComplete: files.listsEveryGroup)
        } catch {
            return .unanswered(.broken(error.message))
        }
        guard quiet.isOver else { return .found(local) }
        let answer = groups(of: name, primary: primary, until: min(time, .now + patience))
        // Whoever could not be asked at all is no directory that hangs, and may have every group to deny.
        guard case .unanswered(.late) = answer else { return answer.map { GroupList(groups: $0) } }
        quiet.begin(Self.truce)
        return .found(local)
    }

    private func read<Value>(
        _ subject: LocalFiles.Subject,
        _ value: (LookupAnswer) -> Value?
    ) -> NameServiceAnswer<Value> {
        do throws(LocalFilesProblem) {
            guard let answer = try files.entry(subject), let value = value(answer) else {
                return .unanswered(.broken("the local files have changed meanwhile"))
            }
            return .found(value)
        } catch {
            return .unanswered(.broken(error.message))
        }
    }

    private func groups(
        of name: String,
        primary: GroupID,
        until time: MonotonicTime
    ) -> NameServiceAnswer<[GroupID]> {
        ask(.groups(of: name, primary: primary.rawValue), until: time) {
            if case .groups(let groups) = $0 { groups } else { nil }
        }
    }

    private func ask<Value>(
        _ question: LookupQuestion,
        until time: MonotonicTime,
        _ value: (LookupAnswer) -> Value?
    ) -> NameServiceAnswer<Value> {
        do throws(NoAnswer) {
            let answer = try asker.ask(question, until: time)
            switch answer {
            case .absent: return .absent
            case .failed(let number): return .failed(Errno(rawValue: number))
            case .tooLarge: return .tooLarge
            case .undecodable(let field): return .undecodable(field: field.name)
            case .passwd, .group, .groups:
                guard let value = value(answer) else {
                    return .unanswered(.broken("the lookup process has answered another question"))
                }
                return .found(value)
            }
        } catch {
            return .unanswered(error)
        }
    }
}
