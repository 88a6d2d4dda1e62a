import CHelperService
import LaunchProtocol
import LocalAccounts
import SystemPackage

/// Whether the name service says that there is no such account because it knows, or because nobody could tell it.
///
/// winbind says of an account of a domain that it has not heard of, while no server answers it, what it says of one that there is
/// not. Asked whether one does, it tells the difference; of servers of other domains than the machine's own it tells nothing, and SSSD
/// tells nobody without privileges.
enum DomainCheck {
    /// What is to be said to a question.
    ///
    /// - Parameters:
    ///   - answer: What the name service has said.
    ///   - question: The question.
    ///   - files: The services of this machine.
    ///   - isCutOff: Whether winbind hears from no server, where a name has a domain.
    /// - Returns: The answer, or that nobody knows.
    static func checked(
        _ answer: LookupAnswer,
        to question: LookupQuestion,
        _ files: @autoclosure () -> LocalFiles = .ofThisHost(),
        isCutOff: (_ name: String) -> Bool = winbindIsCutOff
    ) -> LookupAnswer {
        guard answer == .absent else { return answer }
        switch question {
        case .passwdByName(let name):
            return isUnknown(name, files(), \.accountServices, isCutOff).map { .failed($0.rawValue) } ?? answer
        case .groupByName(let name), .groups(of: let name, _):
            return isUnknown(name, files(), \.groupServices, isCutOff).map { .failed($0.rawValue) } ?? answer
        // winbind makes numbers of its own, and knows whose they are.
        case .passwdByID: return answer
        }
    }

    /// Why nobody knows whether there is an account that the name service does not know.
    ///
    /// - Parameter name: Its name.
    /// - Returns: The reason; `nil` where there is none.
    static func isUnknown(account name: String) -> Errno? {
        isUnknown(name, .ofThisHost(), \.accountServices, winbindIsCutOff)
    }

    private static func isUnknown(
        _ name: String,
        _ files: LocalFiles,
        _ services: KeyPath<LocalFiles, [String]>,
        _ isCutOff: (String) -> Bool
    ) -> Errno? {
        if let problem = files.problem { return problem.errno }
        return files[keyPath: services].contains(LocalFiles.winbind) && isCutOff(name) ? .hostIsDown : nil
    }

    private static func winbindIsCutOff(_ name: String) -> Bool { unsafe lookup_winbind_is_cut_off(name) != 0 }
}
