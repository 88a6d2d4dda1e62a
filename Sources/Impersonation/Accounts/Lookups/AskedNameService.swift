import LaunchProtocol
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
        // What the files do not say of a local account, a directory may: where there is one that may, it gets more time.
        let remaining = time.remaining
        patience = files.hasNoOtherGroups ? min(remaining / 8, .milliseconds(250)) : min(remaining / 4, .seconds(1))
    }

    func forLookup(until time: MonotonicTime, with files: LocalFiles, isLocal: Bool) -> any NameService {
        guard files.asksOthers else { return SystemNameService() }
        return AskedNameService(asker, quiet, until: time, files, isLocal: isLocal)
    }

    func localFiles() -> LocalFiles { LocalFiles.ofThisHost() }

    // What the local files answer first does not leave this machine, and needs no process.

    func passwd(named name: String) -> NameServiceAnswer<PasswdEntry> {
        if isLocal { return SystemNameService().passwd(named: name) }
        return ask(.passwdByName(name), until: time) { if case .passwd(let entry) = $0 { entry } else { nil } }
    }

    func passwd(withID userID: UserID) -> NameServiceAnswer<PasswdEntry> {
        if isLocal { return SystemNameService().passwd(withID: userID) }
        return ask(.passwdByID(userID.rawValue), until: time) {
            if case .passwd(let entry) = $0 { entry } else { nil }
        }
    }

    func group(named name: String) -> NameServiceAnswer<GroupEntry> {
        if isLocal { return SystemNameService().group(named: name) }
        return ask(.groupByName(name), until: time) { if case .group(let entry) = $0 { entry } else { nil } }
    }

    func groups(of name: String, primary: GroupID) -> NameServiceAnswer<[GroupID]> {
        groups(of: name, primary: primary, until: time)
    }

    /// One that is down leaves its groups out, and so does one that hangs: `getgrouplist(3)` asks every service, also for `root`.
    func groups(ofLocal name: String, primary: GroupID) -> NameServiceAnswer<[GroupID]> {
        let local = NameServiceAnswer.found([primary] + files.groups(of: name).sorted { $0.rawValue < $1.rawValue })
        guard quiet.isOver else { return local }
        switch groups(of: name, primary: primary, until: min(time, .now + patience)) {
        case .unanswered(let reason):
            if reason == .late { quiet.begin(Self.truce) }
            return local
        case let answer: return answer
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
