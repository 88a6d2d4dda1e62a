import SystemPackage

/// The directory's answer has to be the account that was asked for.
///
/// A bare name is answered by the same bare name, to the letter: where a name service quietly turns it into a domain
/// account, the site has to say so (`worker_host_domain`). A qualified name is answered by the same user of the same
/// domain, whatever the case and whichever form (`MYCORP\u`, `u@mycorp.test`).
///
/// A directory that leaves the domain out (`winbind use default domain`) may answer a qualified name with the bare
/// user, provided that the bare name leads back to the same user id. Where a local account or another domain has that
/// short name, it does not, and the groups would be somebody else's.
struct NameAgreementRule: AccountRule {
    var name: String { "nameAgreement" }
    var source: RuleSource { .builtIn }

    func judge(
        _ candidate: AccountCandidate,
        in directory: any AccountDirectory
    ) async throws(AccountDirectoryError) -> AccountVerdict {
        let asked = candidate.askedFor
        let answer = candidate.account.name
        guard Self.agree(asked: asked, answer: answer) else {
            return .refused(
                Denial(
                    .nameMismatch,
                    message: "account \(asked) was asked for, but the directory answered with \(answer); "
                        + "name the account in full, or set worker_host_domain"
                )
            )
        }
        if asked.isQualified, !answer.isQualified {
            let again = try await directory.account(named: answer, freshness: .cached)
            guard let again, again.name == answer, again.userID == candidate.account.userID else {
                let meaning = again.map { "\($0.name) with user id \($0.userID.rawValue)" } ?? "no account"
                return .refused(
                    Denial(
                        .nameMismatch,
                        message: "account \(asked) was asked for, and the directory answered with \(answer), user id "
                            + "\(candidate.account.userID.rawValue); but under \(answer) it has \(meaning). "
                            + "Have the directory answer with the domain in the name, or rename one of the accounts"
                    )
                )
            }
        }
        return asked.spelling == answer.spelling ? .notConcerned : .passes("\(asked) is \(answer) in the directory")
    }

    /// Whether an answer is the account a name asks for, as far as names can tell.
    static func agree(asked: AccountName, answer: AccountName) -> Bool {
        guard let askedDomain = asked.domain else {
            return answer.domain == nil && answer.user == asked.user
        }
        guard answer.user.lowercased() == asked.user.lowercased() else { return false }
        guard let answerDomain = answer.domain else { return true }
        return sameDomain(askedDomain, answerDomain)
    }

    /// `MYCORP` is the short name of `mycorp.test`: the first label of the long one.
    static func sameDomain(_ left: String, _ right: String) -> Bool {
        let (left, right) = (left.lowercased(), right.lowercased())
        if left == right { return true }
        guard left.contains(".") != right.contains(".") else { return false }
        return left.prefix { $0 != "." } == right.prefix { $0 != "." }
    }
}
