import CLaunchPlan
import CPAM
import Glibc
import LaunchProtocol

/// What PAM has answered instead of yes, and what it means.
///
/// One code has many causes: `pam_winbind` says `PAM_MAXTRIES` for accounts that are locked, disabled or expired, `pam_sss`
/// says `PAM_PERM_DENIED` for all three. So no code is taken for one cause that it need not mean.
struct SessionFailure: Error {
    /// A part of the way into the session.
    enum Stage {
        case start
        case authenticate
        case account
        case credentials
        case open
        case close

        var step: launch_step {
            switch self {
            case .start: LAUNCH_STEP_SESSION_START
            case .authenticate: LAUNCH_STEP_SESSION_AUTHENTICATE
            case .account: LAUNCH_STEP_SESSION_ACCOUNT
            case .credentials: LAUNCH_STEP_SESSION_CREDENTIALS
            case .open: LAUNCH_STEP_SESSION_OPEN
            case .close: LAUNCH_STEP_SESSION_CLOSE
            }
        }
    }

    let stage: Stage
    let code: Int32
    let text: String
    let messages: [String]
    let service: String
    let wasAskedMore: Bool
    let hasSeenPassword: Bool
    /// How long whoever failed is to wait.
    let delay: Duration
    /// Whether nobody has answered anything: the launch was given up meanwhile.
    let isWithdrawn: Bool

    var report: FailureReport {
        guard !isWithdrawn else {
            return FailureReport(
                code: .withdrawn,
                step: stage.step.rawValue,
                errno: 0,
                operationText: "the launch was withdrawn before the program ran"
            )
        }
        return FailureReport(
            code: kind,
            step: stage.step.rawValue,
            errno: 0,
            operationText: explanation,
            verdict: SessionVerdict(
                code: code,
                text: text,
                hasSeenPassword: hasSeenPassword,
                wasAskedMore: wasAskedMore,
                messages: messages
            )
        )
    }

    private var kind: FailureReport.Code {
        switch code {
        // Most modules make PAM_AUTH_ERR of a question without an answer.
        case _ where wasAskedMore && (stage == .authenticate || stage == .account): .accountRefused
        case PAM_AUTHINFO_UNAVAIL: .directoryUnavailable
        case PAM_AUTH_ERR, PAM_USER_UNKNOWN, PAM_MAXTRIES, PAM_NEW_AUTHTOK_REQD, PAM_ACCT_EXPIRED, PAM_PERM_DENIED,
            PAM_CRED_INSUFFICIENT, PAM_CRED_EXPIRED, PAM_AUTHTOK_EXPIRED:
            stage == .authenticate || stage == .account ? .accountRefused : .sessionFailed
        default: .sessionFailed
        }
    }

    private static let longestQuotation = 1_000

    private var explanation: String {
        // The verdict has all of them.
        let few = messages.joined(separator: "; ").prefix(Self.longestQuotation)
        let said = few.isEmpty ? "" : " (\(few))"
        return "the PAM service \(service) said \"\(text)\"\(said): \(meaning)"
    }

    private var meaning: String {
        switch (stage, code) {
        case (_, _) where wasAskedMore:
            "a module asked for more than the password, which nobody is there to answer; let the account log in by hand, or "
                + "use a service without that module"
        case (.start, _): "look at /etc/pam.d/\(service) and at the modules that it names"
        case (.authenticate, PAM_AUTH_ERR) where hasSeenPassword:
            "the password is wrong, or the account is locked and the module does not say so (pam_krb5, LDAP); register the right one"
        case (.authenticate, PAM_AUTH_ERR):
            "a module refused the account before anybody asked for its password; a service without auth lines, or without a file, "
                + "takes those of the service other, which mostly refuse"
        case (.account, PAM_AUTH_ERR):
            "the account may not come in; a service without account lines takes those of the service other, which mostly refuse"
        case (_, PAM_USER_UNKNOWN):
            "its modules do not know the account, which the name service knows; look at which of them the service has, and whether the "
                + "daemon of the directory runs (winbindd)"
        case (_, PAM_NEW_AUTHTOK_REQD), (_, PAM_AUTHTOK_EXPIRED):
            "the password has expired; let the account change it, and register the new one"
        case (_, PAM_ACCT_EXPIRED): "the account has expired or is disabled; ask who administers it"
        case (_, PAM_MAXTRIES):
            "the account is locked, disabled or expired, or was tried too often; ask who administers it"
        case (_, PAM_PERM_DENIED):
            "the rules of this machine or of the directory do not let the account in here and now, or it is disabled or locked; look "
                + "at pam_access, pam_time and the directory"
        case (_, PAM_AUTHINFO_UNAVAIL): "the directory does not answer; try again once it does"
        case (.credentials, _):
            "the credentials of the account could not be had; look at the auth lines of /etc/pam.d/\(service), without which PAM "
                + "takes those of the service other, and at the system's log"
        case (.open, _):
            "the session could not be opened; look at the session lines of /etc/pam.d/\(service) and at the system's log"
        case (.close, _): "the session could not be closed in order"
        default: "look at /etc/pam.d/\(service) and at the system's log"
        }
    }
}

extension SessionFailure {
    /// A session that did not come as far as a step of PAM.
    init(beginningOf service: String, code: Int32, text: String, messages: [String] = []) {
        self.init(
            stage: .start,
            code: code,
            text: text,
            messages: messages,
            service: service,
            wasAskedMore: false,
            hasSeenPassword: false,
            delay: .zero,
            isWithdrawn: false
        )
    }
}
