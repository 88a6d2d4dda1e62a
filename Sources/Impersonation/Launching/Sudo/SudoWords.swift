/// What was written to the standard error of `sudo`, by `sudo` itself and by others, and what it means.
struct SudoWords: Sendable {
    private static let limit = 8 * 1_024

    /// What `sudo` prompts with.
    let prompt: String

    /// How often `sudo` has asked for a password.
    private(set) var prompts = 0

    /// How much was written.
    private(set) var total = 0

    private var bytes: [UInt8] = []
    /// What `sudo` has written last, and as much of that as a prompt may begin in.
    private var lastWords: [UInt8] = []
    private var beginning: [UInt8] = []

    /// Begins with nothing.
    ///
    /// - Parameter prompt: What `sudo` prompts with.
    init(prompt: String) {
        self.prompt = prompt
    }

    /// Takes what was written next.
    ///
    /// - Parameters:
    ///   - part: The bytes.
    ///   - isOfSudo: Whether `sudo` has written them, by the kernel's word.
    /// - Returns: How many prompts end in it.
    mutating func take(_ part: [UInt8], isOfSudo: Bool) -> Int {
        total += part.count
        bytes += part.prefix(max(0, Self.limit - bytes.count))
        guard isOfSudo else { return 0 }
        lastWords += part
        lastWords.removeFirst(max(0, lastWords.count - Self.limit))
        let text = Array(prompt.utf8)
        beginning += part
        var found = 0
        // No prompt begins within another one.
        while let range = beginning.firstRange(of: text) {
            found += 1
            beginning.removeFirst(range.upperBound)
        }
        beginning.removeFirst(max(0, beginning.count - (text.count - 1)))
        prompts += found
        return found
    }

    /// What was written, as one line that is safe to show, without the prompts.
    var text: String { whole(bytes).shortened(to: 600) }

    /// Why `sudo` did not run the job: what it has written itself, and what others only where nobody gains by it.
    var refusal: SudoRefusal {
        // One answer is all it gets, so the second question is the refusal of the first.
        if prompts > 1 { return .wrongPassword }
        let refusal = SudoRefusal(message: whole(lastWords))
        return refusal == .other ? SudoRefusal(messageOfOthers: text) : refusal
    }

    private func whole(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n")
            .map { line in
                line.hasPrefix(prompt) ? String(line.dropFirst(prompt.count)) : String(line)
            }
            .filter { !$0.allSatisfy(\.isWhitespace) }
            .joined(separator: "; ")
            .escapingUnprintable
    }
}
