import SystemPackage

/// The ids an account had when its job was submitted are the ids it has when the job starts.
///
/// An account that was deleted and made anew keeps its name but belongs to somebody else by then.
struct PinnedIDRule: AccountRule {
    var name: String { "pinnedID" }
    var source: RuleSource { .request }

    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        let account = candidate.account
        if let pinned = candidate.request.pinnedUserID, pinned != account.userID {
            return .refused(mismatch(account, kind: "user id", pinned: pinned.rawValue, now: account.userID.rawValue))
        }
        if let pinned = candidate.request.pinnedGroupID, pinned != account.groupID {
            return .refused(mismatch(account, kind: "group id", pinned: pinned.rawValue, now: account.groupID.rawValue))
        }
        return .notConcerned
    }

    private func mismatch(_ account: Account, kind: String, pinned: UInt32, now: UInt32) -> Denial {
        Denial(
            .userIDMismatch,
            message: "account \(account.name) had \(kind) \(pinned) when the job was submitted and has \(now) on this "
                + "host; make the hosts agree, or submit the job again"
        )
    }
}
