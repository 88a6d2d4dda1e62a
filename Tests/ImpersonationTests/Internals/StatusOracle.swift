import LaunchPlan
import SystemPackage

@testable import Impersonation

/// What holds for `/proc/PID/status`, whatever is in it: a process passes for nobody whose ids the text does not have.
enum StatusOracle {
    static let samples: [[UInt8]] = [
        """
        Name:\tsh
        Umask:\t0022
        Uid:\t1000\t1000\t1000\t1000
        Gid:\t5\t5\t5\t5
        Groups:\t4 24\u{20}
        CapInh:\t0000000000000000
        CapPrm:\t0000000000000000
        CapEff:\t0000000000000000
        CapBnd:\t0000000000000000
        CapAmb:\t0000000000000000
        NoNewPrivs:\t1

        """,
        "Name:\ta\r\nUid:\t0\t1000\t0\t0\nUid:\t1000\t1000\t1000\t1000\nGid:\t0 0 0 0\nGroups:\nCapBnd:\t01ffffffffff\n",
        "Uid:\t1000\t1000\t1000\t1000\nGid:\t5\t5\t5\t5\nGroups:\t4\nGroups:\t\n",
        "Uid:\t1000\t1000\t1000\t1000\nGid:\t5\t5\t5\t5\nGroups:\t \n",
    ]
    .map { Array($0.utf8) }

    private static let proof = OutsideProof(
        credentials: ChildPlan.Credentials(userID: 1_000, groupID: 5, groups: [4, 24]),
        emptyBoundingSet: true
    )

    private static let proofWithoutGroups = OutsideProof(
        credentials: ChildPlan.Credentials(userID: 1_000, groupID: 5, groups: []),
        emptyBoundingSet: true
    )

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        let said = lines(Array(text.utf8))
        let fields = OutsideProof.fields(of: text)
        for name in ["Uid", "Gid", "Groups", "NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            guard fields[Substring(name)]?.map(String.init) == words(of: name, in: said) else {
                return "\(name) is read as \(fields[Substring(name)] ?? [])"
            }
        }
        let isMeant =
            words(of: "Uid", in: said) == Array(repeating: "1000", count: 4)
            && words(of: "Gid", in: said) == Array(repeating: "5", count: 4)
            && words(of: "Groups", in: said) == ["4", "24"]
        guard (proof.identityDifference(in: fields, comparingGroups: true) == nil) == isMeant else {
            return isMeant ? "is not who it is" : "is taken for somebody else"
        }
        let isAlone =
            words(of: "Uid", in: said) == Array(repeating: "1000", count: 4)
            && words(of: "Gid", in: said) == Array(repeating: "5", count: 4)
            && said.filter { $0.name == "Groups" }.map(\.words) == [[]]
        guard (proofWithoutGroups.identityDifference(in: fields, comparingGroups: true) == nil) == isAlone else {
            return isAlone ? "is not who it is, without groups" : "is taken for somebody without groups"
        }
        let hasNone = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
            .allSatisfy { name in
                let words = words(of: name, in: said)
                return words?.count == 1 && words?.first?.utf8.allSatisfy { $0 == UInt8(ascii: "0") } == true
            }
        guard (proof.capabilityDifference(in: fields) == nil) == hasNone else {
            return hasNone ? "has capabilities that nobody names" : "has none of the capabilities that it has"
        }
        return complaint(aboutIDsOf: text, said)
    }

    /// The same for who reads the ids alone.
    private static func complaint(aboutIDsOf text: String, _ said: [(name: String, words: [String])]) -> String? {
        let numbers = ["Uid", "Gid", "Groups"]
            .map { name in
                words(of: name, in: said)
                    .flatMap { words -> [UInt32]? in
                        let numbers = words.compactMap { UInt32($0) }
                        let isOne = said.count { $0.name == name } == 1
                        return isOne && numbers.count == words.count ? numbers : nil
                    }
            }
        guard let ids = ProcessIDs(status: text) else {
            let isWhole = numbers[0]?.count == 4 && numbers[1]?.count == 4 && numbers[2] != nil
            return isWhole ? "is nobody: \(numbers)" : nil
        }
        guard ids.users.map(\.rawValue) == numbers[0], ids.primaryGroups.map(\.rawValue) == numbers[1],
            ids.supplementaryGroups.map(\.rawValue) == numbers[2]
        else { return "is read as \(ids)" }
        guard ids.users.count == 4, ids.primaryGroups.count == 4 else { return "has not four ids" }
        return ids.userID?.rawValue == 0 && numbers[0]?.contains(0) != true ? "is root without a 0" : nil
    }

    /// The words behind a name; two that are nobody's where two lines have it.
    private static func words(of name: String, in lines: [(name: String, words: [String])]) -> [String]? {
        let meant = lines.filter { $0.name == name }
        return meant.count > 1 ? ["", ""] : meant.first?.words
    }

    /// Read another way: each byte is looked at once.
    private static func lines(_ bytes: [UInt8]) -> [(name: String, words: [String])] {
        var lines: [(name: String, words: [String])] = []
        var (name, word): ([UInt8], [UInt8]) = ([], [])
        var words: [String]?
        for byte in bytes + [UInt8(ascii: "\n")] {
            let isEnd = byte == UInt8(ascii: "\n")
            guard words != nil else {
                if isEnd {
                    name = []
                } else if byte == UInt8(ascii: ":") {
                    words = []
                } else {
                    name.append(byte)
                }
                continue
            }
            if isEnd || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: " ") {
                if !word.isEmpty { words?.append(String(decoding: word, as: UTF8.self)) }
                word = []
            } else {
                word.append(byte)
            }
            guard isEnd else { continue }
            lines.append((String(decoding: name, as: UTF8.self), words ?? []))
            (name, words) = ([], nil)
        }
        return lines
    }
}
