@testable import Impersonation

/// What holds for all that is written to the standard error of `sudo`.
enum SudoOracle {
    private static let prompt = "[impersonation 1] "

    /// Parts, each behind a byte that says who writes it (128 and more: others) and its size; a size of 0 means the prompt.
    static let samples: [[UInt8]] = [
        part("sudo: a password is required\n"),
        part("We trust you have received the usual lecture.\n") + [0] + part("\nSorry, try again.\n") + [0],
        part("[imperson") + part("ation 1] ") + part("x\nsudo: 1 incorrect password attempt\n"),
        part("impersonation-launcher: standard input is not the socket", isOfOthers: true) + [128],
        part("[sudo: ") + [0] + part("] Password: \nsudo: Authentication failed, try again.\n[sudo: ") + [0],
        part("su: Authentication failure\n", isOfOthers: true) + part("sudo: unknown user nobody1\n"),
    ]

    private static func part(_ text: String, isOfOthers: Bool = false) -> [UInt8] {
        [UInt8(text.utf8.count) | (isOfOthers ? 128 : 0)] + Array(text.utf8)
    }

    /// What does not hold for some bytes.
    static func complaint(about bytes: [UInt8]) -> String? {
        var words = SudoWords(prompt: prompt)
        var ofSudo = SudoWords(prompt: prompt)
        var said: [UInt8] = []
        var total = 0
        var rest = bytes[...]
        while let head = rest.popFirst() {
            let size = Int(head & 127)
            let part = size == 0 ? Array(prompt.utf8) : Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            total += part.count
            let before = count(of: Array(prompt.utf8), in: said)
            if head < 128 { said += part }
            let found = words.take(part, isOfSudo: head < 128)
            guard found == count(of: Array(prompt.utf8), in: said) - before else { return "\(found) prompts in a part" }
            if head < 128 { _ = ofSudo.take(part, isOfSudo: true) }
        }
        guard words.total == total else { return "\(words.total) bytes of \(total)" }
        guard words.prompts == ofSudo.prompts else { return "others have written a prompt" }
        let text = words.text
        guard text.utf8.count < 700, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            return "is shown in another way than as a line: \(text)"
        }
        let refusal = words.refusal
        guard ofSudo.refusal == .other || refusal == ofSudo.refusal else {
            return "others have changed the reason of sudo"
        }
        if said.isEmpty, ![.other, .interferes, .accountInvalid].contains(refusal) {
            return "others have given a reason of sudo: \(refusal)"
        }
        return nil
    }

    /// Counted another way: each byte is looked at once.
    private static func count(of text: [UInt8], in bytes: [UInt8]) -> Int {
        var count = 0
        var index = 0
        while index + text.count <= bytes.count {
            let isHere = bytes[index] == text[0] && bytes[index..<index + text.count].elementsEqual(text)
            count += isHere ? 1 : 0
            index += isHere ? text.count : 1
        }
        return count
    }
}
