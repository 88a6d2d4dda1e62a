public import Impersonation
public import SystemPackage

/// What a job file says: one JSON object with these members and no others.
public struct JobDescription: Sendable, Hashable {
    /// The spool it is meant for, by the path the worker knows it by.
    ///
    /// That a file belongs to somebody does not say that he put it into a spool: others may have renamed it there.
    public let spool: FilePath

    /// Who submits.
    ///
    /// People leave it out, since their files say it by their owner; root submits for others with it.
    public let login: String?

    /// The account the job asks to run as.
    public let account: String?

    /// The program, by path or by name, and its arguments; no shell reads them.
    public let command: [String]

    /// A label for people.
    public let name: String?

    /// Variables for the job, handed on where the worker's file says `environment = export`.
    public let environment: [String: String]

    /// By how much nicer than other jobs it wants to be, 0 to 19; added to the worker's own value.
    public let nice: Int

    /// Where the job starts instead of the account's home.
    public let workingDirectory: String?

    /// The largest job file in bytes.
    public static let maximumSize = 64 << 10

    /// Reads the contents of a job file.
    ///
    /// - Parameters:
    ///   - bytes: The contents.
    ///   - syntax: How account names are spelt at this site.
    /// - Throws: ``JobDescriptionError`` with what is wrong and what to write instead.
    public init(_ bytes: [UInt8], syntax: AccountNameSyntax = .standard) throws(JobDescriptionError) {
        let members = try JobFileMembers.read(bytes)
        func check(_ holds: Bool, _ message: @autoclosure () -> String) throws(JobDescriptionError) {
            guard holds else { throw JobDescriptionError(message: message()) }
        }
        for (member, text) in [("login", members.login), ("account", members.account)] {
            guard let text else { continue }
            do throws(AccountNameError) {
                _ = try AccountName(text, syntax: syntax)
            } catch {
                throw JobDescriptionError(message: "\"\(member)\": \(error)")
            }
        }
        try check(members.command.first?.isEmpty == false, "\"command\" is empty; write [\"/usr/bin/program\", ...]")
        try check(members.spool.hasPrefix("/"), "\"spool\" is no full path; name the spool as the worker does")
        let texts =
            members.command + [members.spool] + [members.workingDirectory ?? ""]
            + (members.environment ?? [:]).flatMap { [$0.key, $0.value] }
        try check(!texts.contains { $0.utf8.contains(0) }, "a text holds a zero byte, which no program can be given")
        for name in (members.environment ?? [:]).keys {
            try check(
                !name.isEmpty && !name.utf8.contains(UInt8(ascii: "=")),
                "\"environment\": \"\(name.printable())\" is not the name of a variable"
            )
        }
        let nice = members.nice ?? 0
        try check((0...19).contains(nice), "\"nice\" is \(nice); a job may be 0 to 19 nicer than others")
        try check(
            members.workingDirectory.map { $0.hasPrefix("/") } ?? true,
            "\"working_directory\" is relative; name it in full"
        )
        spool = FilePath(members.spool).lexicallyNormalized()
        login = members.login
        account = members.account
        command = members.command
        name = members.name
        environment = members.environment ?? [:]
        self.nice = nice
        workingDirectory = members.workingDirectory
    }

    /// The program as the launcher takes it: a path when there is a slash in it.
    var executable: Executable {
        let program = command[0]
        return program.utf8.contains(UInt8(ascii: "/")) ? .path(.init(program)) : .name(program)
    }
}

/// A file is no job file.
public struct JobDescriptionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong with it and what to do about it.
    public let message: String

    /// The same as ``message``.
    public var description: String { message }
}
