import LocalAccounts
import NameLookup
import SystemPackage

/// One question to the name service, with every check its answer has to pass.
///
/// It blocks its thread.
struct NameServiceLookup: Sendable {
    private typealias Failure = AccountDirectoryError

    /// The longest name of a group in bytes; `LOGIN_NAME_MAX` bounds both kinds of names in glibc and Samba.
    private static let maximumGroupNameLength = AccountName.maximumLength

    let service: any NameService
    let files: LocalFiles
    let syntax: AccountNameSyntax
    let subject: String

    func account(named name: AccountName) -> Result<Account?, AccountDirectoryError> {
        answer { () throws(AccountDirectoryError) in
            guard let entry = try value(service.passwd(named: name.spelling)) else { return nil }
            let found = try self.name(of: entry)
            // The same question needs no second answer.
            if !entry.name.utf8.elementsEqual(name.spelling.utf8) { try checkWayBack(to: entry) }
            return try complete(entry, found, askedFor: name)
        }
    }

    func account(withID userID: UserID) -> Result<Account?, AccountDirectoryError> {
        answer { () throws(AccountDirectoryError) in
            guard let entry = try value(service.passwd(withID: userID)) else { return nil }
            guard entry.userID == userID else {
                throw inconsistent("the directory answered with uid \(entry.userID.rawValue)")
            }
            let name = try self.name(of: entry)
            try checkWayBack(to: entry)
            return try complete(entry, name)
        }
    }

    func groupID(named name: String) -> Result<GroupID?, AccountDirectoryError> {
        answer { () throws(AccountDirectoryError) in
            try checkGroupName(name)
            guard let entry = try value(service.group(named: name)) else { return nil }
            if !entry.name.utf8.elementsEqual(name.utf8) {
                guard let back = try value(service.group(named: entry.name)), back.groupID == entry.groupID else {
                    throw inconsistent(
                        "the directory calls it \(entry.name.printable()), which is not gid \(entry.groupID.rawValue) "
                            + "when asked for; name the group in full"
                    )
                }
            }
            return entry.groupID
        }
    }

    private func answer<Value>(
        _ body: () throws(AccountDirectoryError) -> Value
    ) -> Result<Value, AccountDirectoryError> {
        if let problem = files.problem { return .failure(problem.failure(subject: subject)) }
        do {
            return .success(try body())
        } catch {
            return .failure(error)
        }
    }

    private func checkWayBack(to entry: PasswdEntry) throws(AccountDirectoryError) {
        let back = try value(service.passwd(named: entry.name))
        guard let back else {
            throw inconsistent(
                "the directory calls it \(entry.name.printable()), but knows no account of that name; "
                    + "make its names unambiguous"
            )
        }
        guard back.userID == entry.userID else {
            throw inconsistent(
                "the directory calls it \(entry.name.printable()) with uid \(entry.userID.rawValue), but "
                    + "\(entry.name.printable()) has uid \(back.userID.rawValue): two accounts share the name; "
                    + "make the directory's names unambiguous"
            )
        }
    }

    /// The name of an answer, before anything is asked with it.
    private func name(of entry: PasswdEntry) throws(AccountDirectoryError) -> AccountName {
        do {
            return try AccountName(entry.name, syntax: syntax)
        } catch {
            throw inconsistent("the directory answered with the name \"\(error.text)\": \(error.message)")
        }
    }

    /// What the local files say.
    private func local<Value>(
        _ question: (LocalFiles) throws(LocalFilesProblem) -> Value
    ) throws(AccountDirectoryError) -> Value {
        do throws(LocalFilesProblem) {
            return try question(files)
        } catch {
            throw error.failure(subject: subject)
        }
    }

    private func isLocal(_ entry: PasswdEntry) throws(AccountDirectoryError) -> Bool {
        try local { files throws(LocalFilesProblem) in try files.contains(entry) }
    }

    private func localGroups(of entry: PasswdEntry) throws(AccountDirectoryError) -> Set<GroupID> {
        try local { files throws(LocalFilesProblem) in try files.groups(of: entry.name) }
    }

    /// Makes an account of an answer: to a name, or to a user id, of which there is only one spelling.
    private func complete(
        _ entry: PasswdEntry,
        _ name: AccountName,
        askedFor asked: AccountName? = nil
    ) throws(AccountDirectoryError) -> Account {
        let home = entry.homeDirectory.isEmpty ? FilePath("/") : entry.homeDirectory
        let shell = entry.shell.isEmpty ? FilePath("/bin/sh") : entry.shell
        try checkPath(home, kind: "home directory")
        try checkPath(shell, kind: "login shell")
        let mayBeElsewhere = files.asksOthers ? try isLocal(entry) : false
        let answer =
            mayBeElsewhere
            ? service.groups(ofLocal: entry.name, primary: entry.groupID)
            : service.groups(of: entry.name, primary: entry.groupID).map { GroupList(groups: $0) }
        guard let list = try value(answer) else {
            throw inconsistent("the directory knows no groups of the account it has just answered with")
        }
        let groups = list.groups
        if let asked, asked.isQualified, !name.isQualified {
            try checkThatGroups(groups, of: entry, areThoseOf: asked)
        }
        let isGroup = try checkAgainstWinbind(entry, groups)
        return Account(
            name: name,
            userID: entry.userID,
            groupID: entry.groupID,
            groups: groups,
            homeDirectory: home,
            shell: shell,
            isGroup: isGroup,
            groupsAreComplete: list.areComplete
        )
    }

    /// Where the directory leaves the domain out, the short name has to have the groups that the full one has.
    ///
    /// The way back alone does not show whose groups they are: a cache that SSSD shares with its clients knows one account of
    /// each short name, the last that anybody asked for, while groups are those of the first domain that has the name. What
    /// the short name has in addition can only be what `group(5)` gives it.
    private func checkThatGroups(
        _ groups: [GroupID],
        of entry: PasswdEntry,
        areThoseOf asked: AccountName
    ) throws(AccountDirectoryError) {
        let full = try value(service.groups(of: asked.spelling, primary: entry.groupID)) ?? []
        let differing = Set(groups).symmetricDifference(full)
        guard !differing.isEmpty else { return }
        let local = try localGroups(of: entry).subtracting(full)
        guard let foreign = differing.subtracting(local).map(\.rawValue).min() else { return }
        throw inconsistent(
            "the directory calls it \(entry.name.printable()), and that name has other groups (gid \(foreign) is in one of "
                + "the lists alone): two accounts share the name; have the directory answer with the domain in the name"
        )
    }

    /// Looks for what winbind alone does, on hosts that ask it.
    ///
    /// - Parameters:
    ///   - entry: The answer.
    ///   - groups: Its groups.
    /// - Returns: Whether it is a group.
    /// - Throws: ``AccountDirectoryError`` when the groups are not those of the account.
    private func checkAgainstWinbind(_ entry: PasswdEntry, _ groups: [GroupID]) throws(AccountDirectoryError) -> Bool {
        guard files.accountServices.contains(LocalFiles.winbind) || files.groupServices.contains(LocalFiles.winbind)
        else {
            return false
        }
        guard try isLocal(entry) else { return try isGroup(entry) }
        try checkOrigin(of: groups, of: entry)
        return false
    }

    /// Whether an answer that is not in the local files is a group.
    ///
    /// winbind gives the groups of a domain for accounts, with one number for both. No account of a domain is like that: its
    /// primary group is another object, and all objects of a domain have names of their own. The private groups of local
    /// accounts and of FreeIPA are, and winbind has neither.
    private func isGroup(_ entry: PasswdEntry) throws(AccountDirectoryError) -> Bool {
        guard files.accountServices.contains(LocalFiles.winbind) else { return false }
        guard entry.userID.rawValue == entry.groupID.rawValue else { return false }
        guard files.groupServices.contains(LocalFiles.winbind) else { return true }
        return try value(service.group(named: entry.name))?.groupID == entry.groupID
    }

    /// A local account must not have the groups of the account of the domain whose short name it has.
    private func checkOrigin(of groups: [GroupID], of entry: PasswdEntry) throws(AccountDirectoryError) {
        let foreign = try local { files throws(LocalFilesProblem) in
            try files.groupOfNamesake(of: entry, among: groups)
        }
        guard let foreign else { return }
        throw inconsistent(
            "it is a local account, and an account of the domain has the same short name: the directory gives it groups "
                + "of that one, gid \(foreign.rawValue) for example; rename one of the two, or have winbind answer with "
                + "the domain in the name (winbind use default domain = no)"
        )
    }

    /// A relative home or shell would be looked for wherever the daemon happens to stand.
    private func checkPath(_ path: FilePath, kind: String) throws(AccountDirectoryError) {
        let text = path.string
        guard path.isAbsolute else {
            throw inconsistent("its \(kind) \"\(text.printable())\" is not an absolute path; correct its entry")
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw inconsistent("its \(kind) \"\(text.printable())\" contains a control character; correct its entry")
        }
    }

    private func checkGroupName(_ name: String) throws(AccountDirectoryError) {
        let isControl = { (scalar: Unicode.Scalar) in scalar.properties.generalCategory == .control }
        let complaint: String? =
            switch name {
            case "": "it is empty"
            case _ where name.utf8.count > Self.maximumGroupNameLength: "it is longer than 255 bytes"
            case _ where name.unicodeScalars.contains(where: isControl): "it contains a control character"
            case _ where name.utf8.contains(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ",") }):
                "it contains ':' or ','"
            case _ where name.first?.isWhitespace == true || name.last?.isWhitespace == true:
                "it begins or ends with a blank"
            default: nil
            }
        guard let complaint else { return }
        throw AccountDirectoryError(
            .malformedName,
            subject: subject,
            message: "this cannot be the name of a group: \(complaint); correct the name"
        )
    }

    private func value<Value>(_ answer: NameServiceAnswer<Value>) throws(AccountDirectoryError) -> Value? {
        switch answer {
        case .found(let value):
            return value
        case .absent:
            return nil
        case .failed(.hostIsDown):
            throw AccountDirectoryError(
                .unavailable,
                subject: subject,
                errno: .hostIsDown,
                message:
                    "the name service does not know it, but no server of the domain answers winbind or SSSD; see that one does "
                    + "(wbinfo --ping-dc, sssctl domain-status), then try again"
            )
        case .failed(let number):
            throw AccountDirectoryError(
                .unavailable,
                subject: subject,
                errno: number,
                message: "the name service is not available; see that every service of /etc/nsswitch.conf runs, "
                    + "then try again"
            )
        case .tooLarge:
            throw inconsistent("the answer is larger than any real one (4 MiB, 65536 groups); correct its entry")
        case .unanswered(.late):
            throw AccountDirectoryError(
                .deadlineExceeded,
                subject: subject,
                message:
                    "the name service did not answer in time; see which service of /etc/nsswitch.conf hangs, then try "
                    + "again"
            )
        case .unanswered(.broken(let reason)):
            throw AccountDirectoryError(
                .unavailable,
                subject: subject,
                message: "the name service could not be asked: \(reason); try again, and see that the modules of "
                    + "/etc/nsswitch.conf work (getent passwd)"
            )
        case .unanswered(.unusable(let reason)):
            throw AccountDirectoryError(
                .unavailable,
                subject: subject,
                message:
                    "the name service cannot be asked this way: \(reason); impersonate doctor tells which ways there are"
            )
        case .undecodable(let field):
            throw inconsistent("the field \(field) of the answer is not valid UTF-8; correct its entry")
        }
    }

    private func inconsistent(_ message: String) -> AccountDirectoryError {
        AccountDirectoryError(.inconsistentAnswer, subject: subject, message: message)
    }
}
