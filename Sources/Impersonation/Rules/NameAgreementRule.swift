/// The directory's answer has to be the account that was asked for.
///
/// A bare name is answered by the same bare name, to the letter: where a name service quietly turns it into a domain
/// account, the site has to say so (`worker_host_domain`). A qualified name is answered by the same user of the same
/// domain, whatever the case and whichever form (`MYCORP\u`, `u@mycorp.test`); a directory that leaves the domain out
/// (`winbind use default domain`) may answer with the bare user.
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
        return asked.spelling == answer.spelling ? .notConcerned : .passes("\(asked) is \(answer) in the directory")
    }

    static func agree(asked: AccountName, answer: AccountName) -> Bool {
        guard let askedDomain = asked.domain else {
            return answer.domain == nil && answer.user == asked.user
        }
        guard answer.user.lowercased() == asked.user.lowercased() else { return false }
        guard let answerDomain = answer.domain else { return true }
        return sameDomain(askedDomain.lowercased(), answerDomain.lowercased())
    }

    /// `MYCORP` is the short name of `mycorp.test`: the first label of the long one.
    private static func sameDomain(_ left: String, _ right: String) -> Bool {
        if left == right { return true }
        guard left.contains(".") != right.contains(".") else { return false }
        return left.prefix { $0 != "." } == right.prefix { $0 != "." }
    }
}
