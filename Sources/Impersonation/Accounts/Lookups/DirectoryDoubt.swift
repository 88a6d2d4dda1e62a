import Glibc
import LaunchProtocol
import SystemPackage

/// Why an account that is said not to exist may be one of a directory that is away.
///
/// SSSD calls accounts absent that it has not heard of, also while it does not reach its directory. Its InfoPipe tells the difference
/// (`IsOnline`), to those whom `allowed_uids` names (sssd-ifp(5)).
enum DirectoryDoubt: Hashable, Sendable {
    /// SSSD says that it does not reach one: accounts that it does not know are unavailable meanwhile.
    case away

    /// SSSD does not answer.
    case silent

    /// SSSD does not tell whoever asks.
    case refused(UInt32)

    /// There is no InfoPipe.
    case nobody(UInt32)

    /// winbind hears from no server of the machine's domain, or nobody has said in time whether it does.
    case cutOff

    /// The lookup process does not know the question, or has ended over it.
    case otherVersion

    /// What somebody else asks by cannot ask for that.
    case unasked

    /// Whether accounts that are said not to exist may be there; of others, it is said that they are unavailable.
    var leavesAbsenceOpen: Bool {
        switch self {
        case .away, .silent: false
        case .refused, .nobody, .cutOff, .otherVersion, .unasked: true
        }
    }

    /// Takes what a lookup process has answered to ``LookupQuestion/reach``.
    ///
    /// - Parameters:
    ///   - answer: The answer.
    ///   - userID: As whom it has asked.
    init?(_ answer: LookupAnswer, askedAs userID: UInt32 = LookupAccount.isUsed ? LookupAccount.number : geteuid()) {
        guard case .failed(let number) = answer else { return nil }
        switch Errno(rawValue: number) {
        case .hostIsDown: self = .away
        case .permissionDenied: self = .refused(userID)
        case .noSuchFileOrDirectory: self = .nobody(userID)
        case .networkDown: self = .cutOff
        default: self = .silent
        }
    }

    /// What lets a process ask.
    ///
    /// dbus-daemon asks the name service who connects, and hangs up on whoever is nobody.
    private static func permission(for userID: UInt32) -> String {
        "have [ifp] allowed_uids = 0, \(userID) in sssd.conf"
            + (userID == 0 ? "" : ", and an account with that id in /etc/passwd that nobody logs in to")
    }

    /// What is the matter, and what to do about it.
    var message: String {
        let consequence = ", and calls accounts absent that it does not know while it does not"
        return switch self {
        case .away:
            "SSSD says that it does not reach a directory: accounts of it that it does not know are unavailable; look after the "
                + "directory and the network (sssctl domain-status)"
        case .silent: "SSSD does not answer whether it reaches its directories; look after sssd and its log"
        case .refused(let userID):
            "SSSD does not tell user id \(userID) whether it reaches its directories\(consequence); \(Self.permission(for: userID))"
        case .nobody(let userID):
            "SSSD does not tell whether it reaches its directories\(consequence); install its InfoPipe (sssd-dbus), have ifp among "
                + "the services of sssd.conf, and \(Self.permission(for: userID))"
        case .cutOff:
            "winbind hears from no server of this machine's domain, and calls accounts absent that are asked for without its name "
                + "(winbind use default domain); look after the domain controller and the network (wbinfo -P)"
        case .otherVersion:
            "the lookup process has ended when it was asked whether SSSD reaches its directories; install the helper of this version "
                + "(make install-helper)"
        case .unasked:
            "winbind and SSSD call accounts absent that they do not know while they do not reach their directories, and are not "
                + "asked whether they do; install impersonation-helper (make install-helper)"
        }
    }
}
