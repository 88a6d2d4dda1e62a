import LaunchPlan
import LaunchProtocol

/// What a session means for the jobs in it: what modules have changed, and what of that a job gets.
struct SessionEffects {
    /// What the process had before the first step, and after the last.
    let before: ProcessTraits
    let after: ProcessTraits

    /// Groups beside those of the account, ascending.
    let addedGroups: [UInt32]

    /// Variables that modules have set, each with its name, all of them.
    let variables: [[UInt8]]

    /// What modules had to say.
    var messages: [String]

    /// How many variables modules may give a job, and how many bytes of them.
    private static let variablesMost = 256
    private static let variableBytesMost = 1 << 16

    /// Others than the owner writing, which the programs of a restricted policy let nobody.
    private static let othersWrite: UInt16 = 0o022

    /// Whether a module has made a session keyring that jobs are to have.
    var keepsKeyring: Bool { after.hasOtherKeyring(than: before) }

    /// Whether there are more variables than jobs get of them; those that no job is to have do not count.
    ///
    /// - Parameter permitted: Names of variables that the policy permits, where only certain programs are permitted.
    /// - Returns: Whether some are left out that a job might have otherwise.
    func hasTooManyVariables(whereRestricted permitted: Set<String>?) -> Bool {
        let meant = meant(beside: [], whereRestricted: permitted)
        return meant.count > Self.variablesMost || meant.reduce(0) { $0 + $1.count + 1 } > Self.variableBytesMost
    }

    /// What a daemon is told of the session.
    ///
    /// - Parameter isShared: Whether other jobs have it too.
    /// - Returns: The report.
    func report(isShared: Bool) -> SessionReport {
        SessionReport(addedGroups: addedGroups, messages: messages, isShared: isShared)
    }

    /// An order as the session has changed it: groups, limits, mask, priority, variables.
    ///
    /// - Parameters:
    ///   - order: The order.
    ///   - permitted: Names of variables that the policy permits, where only certain programs are permitted.
    /// - Returns: The order of a job in the session.
    func applied(to order: LaunchOrder, whereRestricted permitted: Set<String>?) -> LaunchOrder {
        var changed = order
        before.carryChanges(to: after, into: &changed)
        changed.credentials.groups = Set(changed.credentials.groups).union(addedGroups).sorted()
        changed.environment += variables(beside: order.environment, whereRestricted: permitted)
        if permitted != nil { changed.fileModeCreationMask |= Self.othersWrite }
        return changed
    }

    /// What modules have set for the job, beside what it has anyway.
    ///
    /// The variables of the order stay as they are: a module reads files of the account.
    ///
    /// - Parameters:
    ///   - environment: The variables of the order.
    ///   - permitted: Names that the policy permits, where only certain programs are permitted: others could make another program of
    ///     one.
    /// - Returns: The variables.
    private func variables(
        beside environment: [[UInt8]],
        whereRestricted permitted: Set<String>?
    ) -> [[UInt8]] {
        var accepted: [[UInt8]] = []
        var size = 0
        for variable in meant(beside: environment, whereRestricted: permitted) {
            size += variable.count + 1
            guard accepted.count < Self.variablesMost, size <= Self.variableBytesMost else { break }
            accepted.append(variable)
        }
        return accepted
    }

    /// The same however many they are.
    private func meant(beside environment: [[UInt8]], whereRestricted permitted: Set<String>?) -> [[UInt8]] {
        var names = Set(environment.map { $0.prefix { $0 != UInt8(ascii: "=") } })
        return variables.filter { variable in
            let name = variable.prefix { $0 != UInt8(ascii: "=") }
            let value = variable.dropFirst(name.count + 1)
            return name.count < variable.count
                && EnvironmentDangers.mayComeFromSession(name, value, whereRestricted: permitted)
                && names.insert(name).inserted
        }
    }
}
