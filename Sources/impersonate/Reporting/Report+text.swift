extension Report {
    /// The rules, numbered in the order they were applied, each with the place it comes from.
    var ruleLines: [String] {
        rules.enumerated()
            .map { index, rule in
                "  \(index + 1). \(rule.rule)  \(Self.place(of: rule))\n     \(rule.text)"
            }
            .flatMap { $0.split(separator: "\n").map(String.init) }
    }

    /// `uid=2001(alice) gid=2001 groups=2001,3001`, as `id -n` would begin it; groups by number, so that no name
    /// service is asked for an explanation.
    var identityLine: String? {
        guard let account, let uid, let gid, let groups else { return nil }
        return "uid=\(uid)(\(account)) gid=\(gid) groups=\(groups.map(String.init).joined(separator: ","))"
    }

    /// The decision for a person: what `explain` prints.
    var explanationLines: [String] {
        var lines = ["outcome  \(outcome) (\(reason))", "message  \(message)"]
        if let identityLine { lines.append("identity \(identityLine)") }
        if let mode { lines.append("mode     \(mode)") }
        lines.append("login    \(login ?? "nobody")")
        if let requested { lines.append("as       \(requested)") }
        if !rules.isEmpty { lines += ["rules"] + ruleLines }
        if !alternatives.isEmpty { lines += ["otherwise"] + alternatives.map { "  - \($0)" } }
        return lines
    }

    /// Why a command did not run, or could not be ended, or how it ended is not known, in one block for a person.
    var refusalLines: [String] {
        let verb =
            switch outcome {
            case "denied": "refused"
            case "badlogin": "refused (badlogin)"
            case _ where launch?.pid == nil: "not started"
            case _ where hasRemainder: launch?.timedOut == true ? "its time is up, and it does not end" : "not ended"
            default: "ended, and nobody knows how"
            }
        var lines = ["impersonate: \(verb): \(reason): \(message)"]
        lines.append("  login   \(login ?? "nobody")" + (requested.map { ", as \($0)" } ?? ""))
        if let identityLine { lines.append("  account \(identityLine)") }
        lines += remainderLines
        if let step = launch?.step {
            lines.append("  step    \(step)" + (launch?.errno.map { ", errno \($0)" } ?? ""))
        }
        guard outcome != "error", let last = rules.last else { return lines }
        lines.append("  rule    \(last.rule) at \(Self.place(of: last))")
        for rule in rules.dropLast() where rule.line != nil {
            lines.append("  setting \(rule.rule) at \(Self.place(of: rule))")
        }
        return lines
    }

    private var hasRemainder: Bool { launch?.remainingProcesses.map { $0 > 0 } ?? false }

    /// What is left of a command that was to be ended.
    var remainderLines: [String] {
        guard let launch, let process = launch.pid, let count = launch.remainingProcesses, count > 0 else { return [] }
        let rest =
            launch.status == nil
            ? "process \(process), and what it has started: this tool waits no longer"
            : "\(count) or more that process \(process) has started: they stand in the kernel, and end when that lets them go"
        return ["  left    \(rest); look at them: ps -o pid,stat,wchan:20,args -u \(uid.map { "\($0)" } ?? "?")"]
    }

    private static func place(of rule: Rule) -> String {
        rule.line.map { "\(rule.source):\($0)" } ?? rule.source
    }
}
