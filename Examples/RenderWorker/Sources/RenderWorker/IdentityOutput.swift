/// What `id(1)` prints: how a job says of itself who it is.
public struct IdentityOutput: Sendable, Hashable {
    /// A number and the name it has.
    public struct Name: Sendable, Hashable {
        /// The number.
        public let number: UInt32

        /// The name; the number where it has none.
        public let name: String
    }

    /// The user.
    public let user: Name

    /// The primary group.
    public let group: Name

    /// All groups.
    public let groups: [Name]

    /// Finds the first line of `id` in what a job wrote, or makes `nil`.
    ///
    /// - Parameter text: What the job wrote.
    public init?(in text: String) {
        let number = #/([0-9]+)(?:\((.*?)\))?/#
        for line in text.split(whereSeparator: \.isNewline) {
            // One look for each part: an expression would try every pair of them, and the line is a stranger's.
            guard line.hasPrefix("uid="), let gid = line.firstRange(of: " gid="),
                let list = line[gid.upperBound...].firstRange(of: " groups=")
            else { continue }
            let names =
                ([line[..<gid.lowerBound].dropFirst("uid=".count), line[gid.upperBound..<list.lowerBound]]
                + line[list.upperBound...].split(separator: ","))
                .compactMap { part -> Name? in
                    guard let match = part.wholeMatch(of: number), let value = UInt32(match.1) else { return nil }
                    return Name(number: value, name: String(match.2 ?? match.1))
                }
            guard names.count >= 3 else { continue }
            user = names[0]
            group = names[1]
            groups = Array(names[2...])
            return
        }
        return nil
    }
}
