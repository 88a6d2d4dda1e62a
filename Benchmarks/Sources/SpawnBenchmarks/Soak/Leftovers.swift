import Glibc

/// What there is of processes and descriptors at a moment, to be compared with a later one.
struct Leftovers: Sendable {
    private let children: Set<pid_t>
    private let descriptors: [String: String]
    private let monitors: Int
    private let helperDescriptors: Int

    /// How long what belongs to the last jobs may take to go, in tenths of a second.
    private static let patience = 50

    /// Looks.
    init(account: JobAccount, helper: HelperProcess?) {
        children = Set(ProcessTable.children(of: getpid()))
        descriptors = ProcessTable.descriptors(of: getpid())
        monitors = helper?.monitors.count ?? 0
        helperDescriptors = helper?.descriptorCount ?? 0
    }

    /// Looks again, until nothing is there that was not or five seconds have passed.
    ///
    /// - Parameters:
    ///   - account: The account that the jobs ran as.
    ///   - helper: The helper behind the launcher, if it has one.
    /// - Returns: One sentence for each thing that is left.
    func whatIsNew(account: JobAccount, helper: HelperProcess?) async -> [String] {
        var left: [String] = []
        for _ in 0..<Self.patience {
            left = look(account: account, helper: helper)
            guard !left.isEmpty else { break }
            try? await Task.sleep(for: .milliseconds(100))
        }
        return left
    }

    private func look(account: JobAccount, helper: HelperProcess?) -> [String] {
        var left = ProcessTable.children(of: getpid()).filter { !children.contains($0) }
            .map { "a child is left: \(ProcessTable.description(of: $0))" }
        left += ProcessTable.processes(ofUser: account.userID)
            .map { "a process of \(account.name) is left: \(ProcessTable.description(of: $0))" }
        let now = ProcessTable.descriptors(of: getpid())
        if now.count > descriptors.count {
            let new = now.filter { descriptors[$0.key] != $0.value }.map { "\($0.key) is \($0.value)" }.sorted()
            left.append("\(now.count - descriptors.count) descriptors are left: \(new.joined(separator: ", "))")
        }
        guard let helper else { return left }
        if helper.monitors.count > monitors {
            left.append("the helper has \(helper.monitors.count) processes, \(monitors) before")
        }
        if helper.descriptorCount > helperDescriptors {
            left.append("the helper has \(helper.descriptorCount) descriptors, \(helperDescriptors) before")
        }
        return left
    }
}
