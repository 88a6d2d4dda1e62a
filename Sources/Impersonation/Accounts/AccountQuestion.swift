import SystemPackage

/// What an ``AccountDirectory`` can be asked, to the letter.
///
/// Two spellings of one name are two questions: a directory may know one and not the other.
enum AccountQuestion: Sendable, Hashable {
    /// Which account has this name, in this spelling.
    case name(spelling: String, canonical: String)

    /// Which account has this user id.
    case userID(UserID)

    /// Which group has this name.
    case group(String)

    init(_ name: AccountName) {
        self = .name(spelling: name.spelling, canonical: name.canonical)
    }
}

/// What an ``AccountDirectory`` answered.
enum AccountAnswer: Sendable, Hashable {
    /// To a question for an account.
    case account(Account?)

    /// To a question for a group.
    case group(GroupID?)

    var isNegative: Bool { self == .account(nil) || self == .group(nil) }

    var account: Account? {
        if case .account(let account) = self { account } else { nil }
    }

    var groupID: GroupID? {
        if case .group(let groupID) = self { groupID } else { nil }
    }
}
