import Foundation
import Testing

/// A machine of `Scripts/directories`: which directory it is a member of, and by which service.
enum Machine: String, Sendable {
    /// Active Directory by winbind: names are `MYCORP\someuser`.
    case winbind = "ad winbind"

    /// The same with `winbind use default domain`: names are `someuser`.
    case winbindDefault = "ad winbind-default"

    /// The same with `winbind separator`: names are `MYCORP+someuser`.
    case winbindPlus = "ad winbind-plus"

    /// Active Directory by SSSD: names are `someuser@mycorp.test`.
    case sssd = "ad sssd"

    /// The domain controller itself.
    case controller = "ad controller"

    /// OpenLDAP by SSSD: names are `someuser@MYCORP` and `someuser@OTHER`.
    case ldap = "ldap sssd"

    /// The same with short names: `someuser`, whichever domain it is.
    case ldapShort = "ldap sssd-short"

    /// The one that this process runs on.
    static let current: Machine? = {
        let environment = ProcessInfo.processInfo.environment
        guard let directory = environment["IMPERSONATION_DIRECTORY"],
            let member = environment["IMPERSONATION_DIRECTORY_MEMBER"]
        else { return nil }
        return Machine(rawValue: "\(directory) \(member)")
    }()

    /// The one service that asks the directory here.
    var service: String { self == .sssd || self == .ldap || self == .ldapShort ? "sssd" : "winbind" }
}

extension Trait where Self == ConditionTrait {
    /// Runs the test on one machine of `Scripts/directories`; `make test` starts each of them.
    static func on(_ machine: Machine) -> Self {
        .enabled(if: Machine.current == machine, "needs the machine \"\(machine.rawValue)\" of Scripts/directories")
    }
}
