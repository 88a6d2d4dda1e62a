/// What `doctor` found about one thing.
struct Finding: Codable, Hashable, Sendable {
    /// How good or bad it is.
    enum Status: String, Codable, Sendable {
        /// As it should be.
        case ok

        /// Works, and something is missing or given up.
        case warning

        /// The backend does not work like this.
        case failed
    }

    /// What was looked at; stable.
    var check: String

    /// How good or bad it is.
    var status: Status

    /// What was found.
    var found: String

    /// What to do about it; empty where nothing needs to be done.
    var remedy: String

    init(_ check: String, _ status: Status, _ found: String, remedy: String = "") {
        self.check = check
        self.status = status
        self.found = found
        self.remedy = remedy
    }

    /// Says what a message says, which mostly ends in what to do.
    ///
    /// - Parameters:
    ///   - check: What was looked at.
    ///   - status: How good or bad it is.
    ///   - message: What was found, and behind a semicolon what to do about it.
    ///   - remedy: What to do where the message does not say.
    init(_ check: String, _ status: Status, saying message: String, else remedy: String = "") {
        let parts = message.split(separator: ";", maxSplits: 1).map { String($0.drop { $0 == " " }) }
        self.init(check, status, parts.first ?? "", remedy: parts.count > 1 ? parts[1] : remedy)
    }

    /// The finding for a person.
    var line: String {
        let name = check + String(repeating: " ", count: max(0, 24 - check.count))
        let word = status.rawValue + String(repeating: " ", count: max(0, 8 - status.rawValue.count))
        return "\(word) \(name) \(found)" + (remedy.isEmpty ? "" : "; \(remedy)")
    }
}
