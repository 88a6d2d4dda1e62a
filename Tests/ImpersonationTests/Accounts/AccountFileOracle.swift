import LaunchProtocol
import LocalAccounts
import NameLookup
import SystemPackage

@testable import Impersonation

/// What holds for what `getent(1)` writes and for the local files of the name service, whatever is in them.
enum AccountFileOracle {
    private static let questions: [LookupQuestion] = [
        .passwdByName("alice"), .passwdByID(1_001), .groupByName("wheel"),
        .groups(of: #"MYCORP\john smith"#, primary: 5),
    ]

    /// Each behind the number of its question.
    static let outputs: [[UInt8]] = [
        [0] + Array("alice:x:1001:7:Alice,,,:/home/alice:/bin/sh\n".utf8),
        [1] + Array("alice:x:1001:7::/home/alice:\n".utf8),
        [2] + Array("wheel:x:10:a,b\n".utf8),
        [3] + Array("MYCORP\\john smith     10 5 4294967294\n".utf8),
    ]

    /// `nsswitch.conf`, `passwd` and `group`, parted by the byte 0x1D.
    static let files: [[UInt8]] = [
        """
        # c
        passwd:         files systemd
        group:\tfiles [SUCCESS=merge] winbind # x
        initgroups: files
        \u{1D}root:x:0:0:root:/root:/bin/bash
        alice:x:1001:7:Alice,,,:/home/alice:/bin/sh
        bob:x:01002:7::/:
        \u{1D}root:x:0:
        wheel:x:10:alice,bob
        +::
        staff:x:50:alice
        """,
        "passwd: [!NOTFOUND=return] files\npasswd: files\ngroup: sss files\n\u{1D}+alice:x:1001:7:::\n\u{1D}wheel:x:+10:alice\n",
    ]
    .map { Array($0.utf8) }

    private static let newline = UInt8(ascii: "\n")
    private static let colon = UInt8(ascii: ":")

    /// What does not hold for what `getent` may have written.
    static func complaint(aboutOutput bytes: [UInt8]) -> String? {
        let question = questions[Int(bytes.first ?? 0) % questions.count]
        let output = Array(bytes.dropFirst())
        guard let answer = GetentOutput(output).answer(to: question) else { return nil }
        guard output.last == newline, output.count(where: { $0 == newline }) == 1, !output.contains(0) else {
            return "is read, and not one line: \(answer)"
        }
        let line = output.dropLast()
        let fields = line.split(separator: colon, omittingEmptySubsequences: false)
        switch (question, answer) {
        case (.passwdByName, .passwd(let entry)), (.passwdByID, .passwd(let entry)):
            let numbers = [fields[2], fields[3]].map { UInt32(String(decoding: $0, as: UTF8.self)) }
            guard fields.count == 7, fields[0].elementsEqual(entry.name.utf8),
                numbers == [entry.userID.rawValue, entry.groupID.rawValue]
            else { return "is read as another: \(entry)" }
        case (.groupByName, .group(let entry)):
            guard fields.count == 4, fields[0].elementsEqual(entry.name.utf8),
                UInt32(String(decoding: fields[2], as: UTF8.self)) == entry.groupID.rawValue
            else { return "is read as another: \(entry)" }
        case (.groups(of: let name, let primary), .groups(let groups)):
            let words = line.dropFirst(name.utf8.count).split(separator: UInt8(ascii: " "))
                .map { UInt32(String(decoding: $0, as: UTF8.self)) }
            guard line.starts(with: name.utf8), groups.first?.rawValue == primary,
                groups.dropFirst().allSatisfy({ words.contains($0.rawValue) && $0.rawValue != primary }),
                words.allSatisfy({ word in groups.contains { $0.rawValue == word } })
            else { return "has other groups: \(groups)" }
        case (.groups, .tooLarge): return line.count > NameServiceBuffer.maximumGroups ? nil : "is too large"
        case (_, .undecodable):
            return String(validating: fields[0], as: UTF8.self) == nil ? nil : "is no text: \(fields[0])"
        default: return "is the answer to another question: \(answer)"
        }
        return nil
    }

    /// What does not hold for local files.
    static func complaint(aboutFiles bytes: [UInt8]) -> String? {
        let parts = bytes.split(separator: 0x1D, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
        let files = LocalFiles { path throws(LocalFilesProblem) in
            let index = ["/etc/nsswitch.conf", "/etc/passwd", "/etc/group"].firstIndex(of: path.string) ?? 3
            return parts.indices.contains(index) ? parts[index] : []
        }
        let services = files.accountServices + files.groupServices
        guard services.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(0x20) && !$0.hasPrefix("[") }) else {
            return "has services without a name: \(services)"
        }
        guard files.asksOthers || !services.contains(LocalFiles.winbind) else { return "asks winbind, and nobody else" }
        do throws(LocalFilesProblem) {
            if let complaint = try badAccount(files, parts) { return complaint }
            return try badGroups(files, parts)
        } catch {
            return "cannot be read: \(error)"
        }
    }

    private static func badAccount(_ files: LocalFiles, _ parts: [[UInt8]]) throws(LocalFilesProblem) -> String? {
        for subject in [LocalFiles.Subject.accountName("alice"), .accountID(UserID(rawValue: 1_001))] {
            guard let answer = try files.entry(subject) else { continue }
            guard case .passwd(let entry) = answer else { return "is no account: \(answer)" }
            guard files.accountServices.first == "files" else { return "was not asked first: \(entry)" }
            let isAsked: Bool =
                switch subject {
                case .accountName(let name): entry.name.utf8.elementsEqual(name.utf8)
                case .accountID(let id): entry.userID == id
                case .groupName: false
                }
            let text = Array("\(entry.name):".utf8)
            guard isAsked, parts[1].split(separator: newline).contains(where: { $0.starts(with: text) }) else {
                return "is another: \(entry)"
            }
        }
        return nil
    }

    private static func badGroups(_ files: LocalFiles, _ parts: [[UInt8]]) throws(LocalFilesProblem) -> String? {
        if let answer = try files.entry(.groupName("wheel")) {
            guard case .group(let entry) = answer, entry.name == "wheel", parts.count > 2 else {
                return "is no group: \(answer)"
            }
        }
        for group in try files.groups(of: "alice") {
            let lists = parts.count > 2 ? parts[2].split(separator: newline) : []
            let isListed = lists.contains { line in
                let fields = line.split(separator: colon, omittingEmptySubsequences: false)
                return fields.count == 4 && UInt32(String(decoding: fields[2], as: UTF8.self)) == group.rawValue
            }
            guard isListed else { return "is no group of the file: \(group)" }
        }
        return nil
    }
}
