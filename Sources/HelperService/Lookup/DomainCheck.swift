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
        /// Whether winbind hears from no server, where a name has a domain, or for `nil`.
        var winbindIsCutOff: (_ name: String?) -> Bool = { unsafe lookup_winbind_is_cut_off($0) != 0 }

        /// Whether SSSD reaches the directory that would know a name; those of all domains for `nil`.
        var reachOfSSSD: (_ name: String?) -> DirectoryReach = { DirectoryReach(ofSSSDFor: $0) }

        /// The name service, once more.
        var nameService: (_ question: LookupQuestion) -> LookupAnswer = { LookupAnswer(asking: $0) }
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
        let files = files()
        switch isUnknown(question, files, witnesses) {
        case .unknown(let reason): return .failed(reason.rawValue)
        case .known: return answer
        case .reached: break
        }
        // It may have come to reach its directory since it was asked for the account, in particular while it is being started.
        let second = witnesses.nameService(question)
        guard second == .absent, case .unknown(let reason) = isUnknown(question, files, witnesses) else {
            return second
        }
        return .failed(reason.rawValue)
    }

    /// Asks the name service in this process.
    ///
    /// - Parameters:
    ///   - question: The question.
    ///   - files: The services of this machine.
    ///   - witnesses: Who is asked what it is worth that there is nothing.
    ///   - ask: Asks it; `nil` where there is nothing.
    /// - Returns: What it has said; `nil` where there is nothing.
    /// - Throws: Why nobody knows whether there is.
    static func confirmed<Answer>(
        _ question: LookupQuestion,
        _ files: @autoclosure () -> LocalFiles = .ofThisHost(),
        asking witnesses: Witnesses = Witnesses(),
        _ ask: () -> Answer?
    ) throws(Errno) -> Answer? {
        if let answer = ask() { return answer }
        let files = files()
        switch isUnknown(question, files, witnesses) {
        case .unknown(let reason): throw reason
        case .known: return nil
        case .reached: break
        }
        // It may have come to reach its directory since it was asked, or have lost it.
        if let answer = ask() { return answer }
        if case .unknown(let reason) = isUnknown(question, files, witnesses) { throw reason }
        return nil
    }

    /// What is known of what the name service does not know.
    private enum Standing {
        /// Nobody knows whether it is there.
        case unknown(Errno)

        /// SSSD says that it reaches the directory that would know.
        case reached

        /// The word of the name service stands; where SSSD does not tell, the message about the account says what it may be worth.
        case known
    }

    private static func isUnknown(_ question: LookupQuestion, _ files: LocalFiles, _ witnesses: Witnesses) -> Standing {
        if let problem = files.problem { return .unknown(problem.errno) }
        let (name, services): (String?, [String]) =
            switch question {
            case .passwdByName(let name): (name, files.accountServices)
            case .groupByName(let name), .groups(of: let name, _): (name, files.groupServices)
            case .passwdByID, .reach: (nil, files.accountServices)
            }
        // winbind makes numbers of its own, and knows whose they are.
        if services.contains(LocalFiles.winbind), let name, witnesses.winbindIsCutOff(name) {
            return .unknown(.hostIsDown)
        }
        guard services.contains(LocalFiles.sssd) else { return .known }
        switch witnesses.reachOfSSSD(name) {
        case .away, .silent: return .unknown(.hostIsDown)
        case .reached: return .reached
        case .refused, .nobody: return .known
        }
    }

    /// Why SSSD or winbind may call an account absent that there is.
    ///
    /// Of names with a domain winbind is asked with each. It may be configured to have names without one (`winbind use default domain`),
    /// which it tells nobody.
    private static func reach(_ files: LocalFiles, _ witnesses: Witnesses) -> Errno? {
        let services = files.accountServices
        if services.contains(LocalFiles.sssd), let reason = witnesses.reachOfSSSD(nil).errno { return reason }
        return services.contains(LocalFiles.winbind) && witnesses.winbindIsCutOff(nil) ? .networkDown : nil
    }
}
