@testable import impersonate

/// What holds for what `sudo -ll` writes, whatever that is: no rule permits what its text does not have.
enum SudoListingOracle {
    static let samples: [[UInt8]] = [
        """
        Matching Defaults entries for d on h:
            !authenticate

        User d may run the following commands on h:

        Sudoers entry: /etc/sudoers
            RunAsUsers: ALL, !root,
                !#1, !alice
            Options: setenv, authenticate
            Commands:
        \t/usr/libexec/l run *
        \tALL

        """,
        "\nSudoers entry:\n    RunAsUsers: #2001\n    Options: !authenticate\n    Commands:\n\t/bin/sh\n",
        """

        Sudoers entry: a
            RunAsUsers: %g
            Commands:
        \t/bin/true
        Sudoers entry: b
            RunAsUsers: alice
            Commands:
        \tALL

        """,
    ]
    .map { Array($0.utf8) }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = lines(Array(text.utf8))
        guard let listing = SudoListing(text) else { return nil }
        guard lines.contains(where: { $0.starts(with: "Sudoers entry:".utf8) }) else {
            return "has an entry that is none"
        }
        let alice = (name: "alice", number: UInt32(2_001))
        let anything = listing.asks(as: nil) { _ in true }
        let asAlice = listing.asks(as: alice) { _ in true }
        let nothing = listing.asks(as: nil) { _ in false }
        let isTrue = listing.asks(as: alice) { $0 == "/bin/true" }
        guard asAlice == nil || anything != nil, isTrue == nil || asAlice != nil, nothing == nil || anything != nil
        else {
            return "permits more as somebody than as anybody"
        }
        if nothing != nil, !has("ALL", lines) { return "permits everything without a word" }
        if isTrue != nil, nothing == nil, !has("/bin/true", lines) { return "permits a command that it does not name" }
        if [anything, asAlice, nothing, isTrue].contains(false), !has("!authenticate", lines) {
            return "asks for no password, and does not say so"
        }
        let namesAlice = ["alice", "#2001", "%"].contains { has($0, lines) }
        let hasCapital = text.unicodeScalars.contains {
            $0.properties.isUppercase || $0.properties.isLowercase == false
        }
        if asAlice != nil, !namesAlice, !hasCapital { return "permits an account that it does not name" }
        return nil
    }

    private static func has(_ word: String, _ lines: [[UInt8]]) -> Bool {
        let word = Array(word.utf8)
        return lines.contains { line in
            line.count >= word.count
                && (0...line.count - word.count).contains { line[$0..<$0 + word.count].elementsEqual(word) }
        }
    }

    private static func lines(_ bytes: [UInt8]) -> [[UInt8]] {
        bytes.reduce(into: [[]]) { lines, byte in
            if byte == 0x0A { lines.append([]) } else { lines[lines.count - 1].append(byte) }
        }
    }
}
