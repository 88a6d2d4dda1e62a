import CHelperService
import LaunchProtocol
import LocalAccounts
import SystemPackage

/// Whether the name service says that there is no such account because it knows, or because nobody could tell it.
///
/// winbind and SSSD say of an account of a domain that they have not heard of, while no server answers them, what they say of one that
/// there is not. Asked whether one does, they tell the difference: winbind anybody, for the machine's own domain; SSSD whom its
/// `allowed_uids` names, where its InfoPipe runs.
enum DomainCheck {
    /// Who is asked.
    struct Witnesses {
        /// Whether winbind hears from no server, where a name has a domain.
        var winbindIsCutOff: (_ name: String) -> Bool = { unsafe lookup_winbind_is_cut_off($0) != 0 }

        /// Whether SSSD reaches the directory that would know a name; those of all domains for `nil`.
        var reachOfSSSD: (_ name: String?) -> DirectoryReach = { DirectoryReach(ofSSSDFor: $0) }
    }

    /// What is to be said to a question.
    ///
    /// - Parameters:
    ///   - answer: What the name service has said.
    ///   - question: The question.
    ///   - files: The services of this machine.
    ///   - witnesses: Who is asked.
    /// - Returns: The answer, or that nobody knows.
    static func checked(
        _ answer: LookupAnswer,
        to question: LookupQuestion,
        _ files: @autoclosure () -> LocalFiles = .ofThisHost(),
        asking witnesses: Witnesses = Witnesses()
    ) -> LookupAnswer {
        if question == .reach { return reach(files(), witnesses).map { .failed($0.rawValue) } ?? .absent }
        guard answer == .absent else { return answer }
        let reason: Errno? =
            switch question {
            case .passwdByName(let name): isUnknown(name, files(), \.accountServices, witnesses)
            case .groupByName(let name), .groups(of: let name, _):
                isUnknown(name, files(), \.groupServices, witnesses)
            // winbind makes numbers of its own, and knows whose they are.
            case .passwdByID: isUnknown(nil, files(), \.accountServices, witnesses)
            case .reach: nil
            }
        return reason.map { .failed($0.rawValue) } ?? answer
    }

    /// Why nobody knows whether there is an account that the name service does not know.
    ///
    /// - Parameter name: Its name.
    /// - Returns: The reason; `nil` where there is none.
    static func isUnknown(account name: String) -> Errno? {
        isUnknown(name, .ofThisHost(), \.accountServices, Witnesses())
    }

    private static func isUnknown(
        _ name: String?,
        _ files: LocalFiles,
        _ services: KeyPath<LocalFiles, [String]>,
        _ witnesses: Witnesses
    ) -> Errno? {
        if let problem = files.problem { return problem.errno }
        let services = files[keyPath: services]
        if services.contains(LocalFiles.winbind), let name, witnesses.winbindIsCutOff(name) { return .hostIsDown }
        guard services.contains(LocalFiles.sssd) else { return nil }
        switch witnesses.reachOfSSSD(name) {
        case .away, .silent: return .hostIsDown
        // Its word stands then, and the message about the account says what it may be worth.
        case .reached, .refused, .nobody: return nil
        }
    }

    /// Whether SSSD would say that it does not reach a directory; of winbind that goes without saying.
    private static func reach(_ files: LocalFiles, _ witnesses: Witnesses) -> Errno? {
        if let problem = files.problem { return problem.errno }
        return files.accountServices.contains(LocalFiles.sssd) ? witnesses.reachOfSSSD(nil).errno : nil
    }
}
