import CHelperService
import Glibc
import LocalAccounts
import SystemPackage

/// Whether a directory service reaches its directory, by its own word.
enum DirectoryReach: CaseIterable {
    /// It does.
    case reached

    /// It does not, so it may not know accounts that there are.
    case away

    /// It was asked, and has not answered, or nothing that means anything.
    case silent

    /// It does not tell this process.
    case refused

    /// There is nobody who could be asked.
    case nobody

    /// Asks SSSD.
    ///
    /// - Parameter name: The name that its directory would have to know; `nil` for all of its directories.
    init(ofSSSDFor name: String?) {
        let own = try? LocalFiles.ofThisHost().entry(.accountID(UserID(rawValue: geteuid())))
        self.init(unsafe lookup_sssd_reach(name, own == nil ? 0 : 1))
    }

    /// What a call has returned.
    init(_ result: Int32) {
        self = Self.allCases.first { $0.errno?.rawValue ?? 0 == -result } ?? .silent
    }

    /// The same as an error number.
    var errno: Errno? {
        switch self {
        case .reached: nil
        case .away: .hostIsDown
        case .silent: .timedOut
        case .refused: .permissionDenied
        case .nobody: .noSuchFileOrDirectory
        }
    }
}
