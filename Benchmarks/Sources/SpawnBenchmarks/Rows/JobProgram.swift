/// What a row starts.
struct JobProgram: Codable, Hashable, Sendable {
    /// The name in reports.
    let name: String

    /// The program.
    let path: String

    /// The arguments after its own name.
    var arguments: [String] = []

    /// A real program, small and linked dynamically.
    static let binTrue = JobProgram(name: "/bin/true", path: "/bin/true")

    /// A program that ends well only when it has all the ids of an account and no others.
    static func proof(of account: JobAccount) -> JobProgram {
        let groups = Set(account.groups + [account.groupID]).sorted().map(String.init).joined(separator: " ")
        let script = #"[ "$(id -u) $(id -g)" = "$1" ] && [ "$(id -G | tr ' ' '\n' | sort -nu | xargs)" = "$2" ]"#
        return JobProgram(
            name: "proof",
            path: "/bin/sh",
            arguments: ["-c", script, "sh", "\(account.userID) \(account.groupID)", groups]
        )
    }
}
