/// What the descriptors of a process are at a moment.
struct DescriptorTable: Sendable {
    private let counts: [String: Int]

    /// Looks at a process.
    ///
    /// - Parameters:
    ///   - process: The process.
    ///   - isSteady: Whether it keeps what it has, number by number; otherwise sockets and pipes may be others of the kind.
    init(of process: Int32, isSteady: Bool) {
        self.init(ProcessTable.descriptors(of: process), isSteady: isSteady)
    }

    /// The same of links, by their numbers.
    init(_ links: [String: String], isSteady: Bool) {
        counts = links.reduce(into: [:]) { counts, link in
            let name =
                isSteady
                ? "\(link.key) is \(link.value)" : link.value.replacing(#/\[\d+\]/#, with: "[]")
            counts[name, default: 0] += 1
        }
    }

    /// What differs from how it was.
    ///
    /// - Parameter before: How it was.
    /// - Returns: A sentence for each kind of descriptor of which there are more or fewer.
    func differences(from before: DescriptorTable) -> [String] {
        Set(counts.keys).union(before.counts.keys).sorted()
            .compactMap { name in
                let change = counts[name, default: 0] - before.counts[name, default: 0]
                guard change != 0 else { return nil }
                return "\(abs(change)) \(change > 0 ? "descriptors are left" : "descriptors are gone"): \(name)"
            }
    }
}
