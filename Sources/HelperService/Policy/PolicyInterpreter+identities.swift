extension PolicyInterpreter {
    /// Whether a user or a group is looked for.
    enum Kind {
        case user
        case group

        var text: String { self == .user ? "user" : "group" }

        var idText: String { self == .user ? "uid" : "gid" }
    }

    mutating func peers() -> PolicySelection {
        guard let entry = file.entries[.peers] else {
            missing(.peers, "name the users that daemons run as: `peers = NAME @GROUP`")
            return .nobody
        }
        guard !isEverything(entry) else {
            complain(
                .invalidValue,
                line: entry.line,
                "\"peers\" cannot be everybody",
                "name the users that daemons run as, or their @GROUP"
            )
            return .nobody
        }
        let selection = selection(entry)
        refuse(selection.users + selection.groups, line: entry.line) { identity in
            guard identity.number == PolicyIdentity.unchanged else { return nil }
            return "is nobody's id"
        }
        return selection
    }

    mutating func accounts(from minimum: UInt32) -> PolicySelection {
        guard let entry = file.entries[.accounts] else {
            missing(.accounts, "name the accounts that jobs may have: `accounts = NAME @GROUP`, or `accounts = *`")
            return .nobody
        }
        if isEverything(entry) { return .all }
        let selection = selection(entry)
        refuse(selection.users, line: entry.line) { identity in
            Self.reason(identity, "uid", from: minimum, key: .minimumUserID)
        }
        refuse(selection.groups, line: entry.line) { identity in
            PolicyIdentity.isNever(identity.number) ? "is gid \(identity.number), which no job ever has" : nil
        }
        return selection
    }

    mutating func groups(from minimum: UInt32) -> PolicySelection {
        guard let entry = file.entries[.groups], !isEverything(entry) else { return .all }
        let found = groupList(entry)
        refuse(found, line: entry.line) { identity in
            Self.reason(identity, "gid", from: minimum, key: .minimumGroupID)
        }
        return PolicySelection(everybody: .forbidden, users: found, groups: [])
    }

    mutating func deniedAccounts() -> PolicySelection {
        guard let entry = file.entries[.deniedAccounts] else { return .nobody }
        return selection(entry)
    }

    mutating func deniedGroups() -> PolicySelection {
        guard let entry = file.entries[.deniedGroups] else { return .nobody }
        return PolicySelection(everybody: .forbidden, users: groupList(entry), groups: [])
    }

    /// The line behind the last one that says something is where the key would go.
    private mutating func missing(_ key: PolicyKey, _ remedy: String) {
        complain(.missingKey, line: file.lineCount, "the file does not set \(key.rawValue.quoted)", remedy)
    }

    private static func reason(
        _ identity: PolicyIdentity,
        _ kind: String,
        from minimum: UInt32,
        key: PolicyKey
    ) -> String? {
        if PolicyIdentity.isNever(identity.number) { return "is \(kind) \(identity.number), which no job ever has" }
        guard identity.number < minimum else { return nil }
        return "is \(kind) \(identity.number), below the \(key.rawValue) of \(minimum)"
    }

    private mutating func refuse(
        _ identities: [PolicyIdentity],
        line: Int,
        for reason: (PolicyIdentity) -> String?
    ) {
        for identity in identities {
            guard let reason = reason(identity) else { continue }
            let name = identity.name ?? String(identity.number)
            complain(.neverPermitted, line: line, "\(name.quoted) \(reason)", "remove it")
        }
    }

    private mutating func groupList(_ entry: PolicyFile.Entry) -> [PolicyIdentity] {
        entry.values.compactMap { word in
            guard !word.text.hasPrefix("@") else {
                complain(
                    .invalidValue,
                    line: entry.line,
                    "\(word.text.quoted) begins with '@'",
                    "this key takes groups only; leave the '@' out"
                )
                return nil
            }
            return identity(word, word.text, .group, line: entry.line)
        }
    }

    /// Users, and groups behind an `@`; the `@` may stand in the quotes of a group with blanks in its name.
    private mutating func selection(_ entry: PolicyFile.Entry) -> PolicySelection {
        var users: [PolicyIdentity] = []
        var groups: [PolicyIdentity] = []
        for word in entry.values {
            if word.text.hasPrefix("@") {
                if let group = identity(word, String(word.text.dropFirst()), .group, line: entry.line) {
                    groups.append(group)
                }
            } else if let user = identity(word, word.text, .user, line: entry.line) {
                users.append(user)
            }
        }
        return PolicySelection(everybody: .forbidden, users: users, groups: groups)
    }

    private mutating func identity(
        _ word: PolicyWord,
        _ text: String,
        _ kind: Kind,
        line: Int
    ) -> PolicyIdentity? {
        if word == PolicyWord(text: "*", isQuoted: false) {
            complain(.invalidValue, line: line, "'*' does not stand alone", "let '*' be the only value, or remove it")
            return nil
        }
        guard !text.isEmpty else {
            complain(.invalidValue, line: line, "a \(kind.text) has no name", "write @GROUP without a blank")
            return nil
        }
        switch PolicyNumber(text) {
        case .number(let number):
            return PolicyIdentity(number: number, name: nil)
        case .unclear(let text, let remedy):
            complain(.invalidValue, line: line, text, remedy)
            return nil
        case .name:
            return resolved(text, kind, line: line)
        }
    }

    private mutating func resolved(_ name: String, _ kind: Kind, line: Int) -> PolicyIdentity? {
        guard name.utf8.count <= 256, !name.hasPrefix(" "), !name.hasSuffix(" "), !name.contains(":") else {
            complain(
                .invalidValue,
                line: line,
                "\(name.quoted) is no name of a \(kind.text)",
                "write it as `getent \(kind == .user ? "passwd" : "group")` does"
            )
            return nil
        }
        switch kind == .user ? names.userID(of: name) : names.groupID(of: name) {
        case .number(let number):
            return PolicyIdentity(number: number, name: name)
        case .absent:
            complain(
                .unknownName,
                line: line,
                "there is no \(kind.text) \(name.quoted)",
                "correct the name, or remove it"
            )
        case .spelledOtherwise(let spelling):
            complain(
                .otherSpelling,
                line: line,
                "the name service spells the \(kind.text) \(name.quoted) \(spelling.quoted)",
                "write the name as it does, with two backslashes for one"
            )
        case .unavailable(let error):
            complain(
                .nameServiceUnavailable,
                line: line,
                "the name service could not be asked for the \(kind.text) \(name.quoted): \(error)",
                "start the helper once it answers, or write the \(kind.idText)"
            )
        }
        return nil
    }
}
