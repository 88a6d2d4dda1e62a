import Glibc

/// What there is of processes and descriptors at a moment, to be compared with a later one.
struct Leftovers: Sendable {
    private let children: Set<pid_t>
    private let descriptors: DescriptorTable
    private let monitors: Int
    private let helperDescriptors: DescriptorTable?

    /// How long what belongs to the last jobs may take to go, in tenths of a second.
    private static let patience = 50

    /// Looks.
    init(helper: HelperProcess?) {
        children = Set(ProcessTable.children(of: getpid()))
        descriptors = DescriptorTable(of: getpid(), isSteady: true)
        monitors = helper?.monitors.count ?? 0
        helperDescriptors = helper?.descriptors
    }

    /// Looks again, until everything is as it was or five seconds have passed.
    ///
    /// - Parameters:
    ///   - account: The account that the jobs ran as.
    ///   - helper: The helper behind the launcher, if it has one.
    /// - Returns: One sentence for each thing that is left, or gone.
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
        left += DescriptorTable(of: getpid(), isSteady: true).differences(from: descriptors)
        guard let helper, let helperDescriptors else { return left }
        if helper.monitors.count > monitors {
            left.append("the helper has \(helper.monitors.count) processes, \(monitors) before")
        }
        return left + helper.descriptors.differences(from: helperDescriptors).map { "of the helper, \($0)" }
    }
}
