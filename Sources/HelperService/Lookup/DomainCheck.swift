import CHelperService
import LaunchProtocol
import LocalAccounts
import SystemPackage

/// Whether the name service says that there is no such account because it knows, or because nobody could tell it.
///
/// winbind says of an account that it has not heard of, while no server of its domain answers, what it says of one that there is not.
/// Asked whether one does, it tells the difference. SSSD tells nobody without privileges.
enum DomainCheck {
    /// What is to be said to a question.
    ///
    /// - Parameters:
    ///   - answer: What the name service has said.
    ///   - question: The question.
    ///   - isAway: Whether no server of the domain of a name answers; `nil` for the domain of this machine.
    /// - Returns: The answer, or that nobody knows.
    static func checked(
        _ answer: LookupAnswer,
        to question: LookupQuestion,
        isAway: (_ name: String?) -> Bool = winbindDomainIsAway
    ) -> LookupAnswer {
        guard answer == .absent else { return answer }
        let name: String? =
            switch question {
            case .passwdByName(let name), .groupByName(let name), .groups(of: let name, _): name
            case .passwdByID: nil
            }
        return isAway(name) ? .failed(Errno.hostIsDown.rawValue) : answer
    }

    private static func winbindDomainIsAway(_ name: String?) -> Bool {
        let files = LocalFiles.ofThisHost()
        guard files.accountServices.contains(LocalFiles.winbind) || files.groupServices.contains(LocalFiles.winbind)
        else { return false }
        return unsafe lookup_winbind_domain_is_away(name) != 0
    }
}
