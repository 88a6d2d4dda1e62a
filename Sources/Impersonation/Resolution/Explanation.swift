/// Every rule that had a say in a decision, in the order they were applied.
public struct Explanation: Sendable, Hashable {
    /// One rule and what it did.
    public struct Entry: Sendable, Hashable {
        /// The stable name of the rule, for example `proxyMode`, `selfAllowed` or `minimumUserID`.
        public let rule: String

        /// Where the rule comes from.
        public let source: RuleSource

        /// What the rule found, for a person.
        public let text: String

        /// Creates an entry.
        ///
        /// - Parameters:
        ///   - rule: The stable name of the rule.
        ///   - source: Where the rule comes from.
        ///   - text: What the rule found, for a person.
        public init(rule: String, source: RuleSource, text: String) {
            self.rule = rule
            self.source = source
            self.text = text
        }
    }

    /// The rules in the order they had their say.
    ///
    /// The last entry decided. Of an identity that is the rule that chose the account; it comes after the rules the
    /// account had to pass first.
    public var entries: [Entry]

    /// What would have happened otherwise, for a person: "without the binding: runs as alice".
    public var alternatives: [String]

    /// Creates an explanation.
    ///
    /// - Parameters:
    ///   - entries: The rules in the order they were applied.
    ///   - alternatives: What would have happened otherwise.
    public init(entries: [Entry] = [], alternatives: [String] = []) {
        self.entries = entries
        self.alternatives = alternatives
    }

    /// Adds a rule to the end.
    ///
    /// - Parameters:
    ///   - rule: The stable name of the rule.
    ///   - source: Where the rule comes from.
    ///   - text: What the rule found, for a person.
    public mutating func note(_ rule: String, from source: RuleSource, _ text: String) {
        entries.append(Entry(rule: rule, source: source, text: text))
    }
}
