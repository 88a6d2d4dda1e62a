import SystemPackage

@testable import HelperService

/// A name service with a few entries, some of which behave as real directories do.
struct Names: PolicyNames {
    var users: [String: PolicyNameAnswer] = [
        "root": .number(0), "toor": .number(0), "www-data": .number(33), "alice": .number(2_001), "bob": .number(2_002),
        "renderd": .number(990), "0day": .number(2_020), #"MYCORP\alice"#: .number(11_103),
        "overflow": .number(.max), "Alice": .spelledOtherwise("alice"), "slow": .unavailable(.ioError),
        "domain user": .number(11_200), "*": .number(2_030),
    ]
    var groups: [String: PolicyNameAnswer] = [
        "root": .number(0), "render": .number(3_001), "video": .number(44), "disk": .number(6), "farm": .number(3_101),
        #"MYCORP\domain users"#: .number(10_513), "overflow": .number(.max), "slow": .unavailable(.timedOut),
    ]

    func userID(of name: String) -> PolicyNameAnswer { users[name] ?? .absent }

    func groupID(of name: String) -> PolicyNameAnswer { groups[name] ?? .absent }
}

extension HelperPolicy {
    static let samplePath: FilePath = "/etc/impersonation/helper.conf"

    /// Reads a policy from a text.
    static func reading(_ text: String, names: Names = Names()) throws(PolicyError) -> HelperPolicy {
        try HelperPolicy(PolicyFile(parsing: Array(text.utf8), from: samplePath), names: names)
    }

    /// Reads a policy whose required keys are set, and more.
    static func with(_ lines: String, accounts: String = "*") throws(PolicyError) -> HelperPolicy {
        try reading("peers = renderd\naccounts = \(accounts)\n\(lines)\n")
    }
}

/// The lines of what is wrong with a policy, without the path; empty when nothing is.
func complaints(about text: String) -> [String] {
    complaints(about: Array(text.utf8))
}

/// The lines of what is wrong with a policy, without the path; empty when nothing is.
func complaints(about bytes: [UInt8]) -> [String] {
    do throws(PolicyError) {
        _ = try HelperPolicy(PolicyFile(parsing: bytes, from: "f"), names: Names())
        return []
    } catch {
        return error.problems.map(\.description)
    }
}
