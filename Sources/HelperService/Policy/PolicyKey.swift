/// What a policy file can set.
package enum PolicyKey: String, CaseIterable, Sendable {
    /// Who may connect: users and `@groups`. Required. Root only when it is named as a user.
    case peers
    /// Whom jobs may run as: users, members of `@groups`, or `*`. Required.
    case accounts
    /// The groups a job may have, primary or supplementary; `*` unless set.
    case groups
    /// The lowest user id a job may have; 1000 unless set.
    case minimumUserID = "minimum-uid"
    /// The lowest group id a job may have; 1 unless set.
    case minimumGroupID = "minimum-gid"
    /// Whom no job runs as, whatever else is permitted: users, and members of `@groups`.
    case deniedAccounts = "denied-accounts"
    /// Groups that no job has, whatever else is permitted.
    case deniedGroups = "denied-groups"
    /// The directories that programs of jobs may be in, at any depth; `*` unless set.
    case executableDirectories = "executable-directories"
    /// Whether a job may gain privileges by an exec: `forbidden` unless `allowed`.
    case newPrivileges = "new-privileges"
    /// `empty`, or `inherited-allowed` for jobs that keep the helper's bounding set.
    case capabilityBoundingSet = "capability-bounding-set"
    /// How many jobs the helper has at once; 1024 unless set.
    case maximumJobs = "maximum-jobs"
    /// How many jobs one peer has at once; half of them unless set.
    case maximumJobsPerPeer = "maximum-jobs-per-peer"
    /// How many seconds a program may take until it runs; 30 unless set.
    case maximumStartTime = "maximum-start-time"
    /// The directory of cgroup v2 in which each job gets a group of its own.
    case controlGroups = "control-groups"
    /// `kill`, or `keep-allowed` for jobs that stay when their daemon ends.
    case whenDaemonEnds = "when-daemon-ends"
    /// Variables that jobs may have, beside those of the account and the language, where programs are restricted.
    case environment
    /// The services of PAM that a job may have a session of; none unless set.
    case sessionServices = "pam-services"
    /// Whether every job has one: `optional` unless `required`, or `authenticated`.
    case sessionDemand = "pam-sessions"
    /// How many seconds a session that jobs share stays open without one; 0, which shares none, unless set.
    case sessionIdleTime = "pam-session-idle"
    /// What becomes of a job whose session cannot be opened: `refuse` unless `continue`.
    case sessionFailure = "pam-session-failure"

    /// The key that may have been meant by another word.
    ///
    /// The one with the fewest letters typed otherwise, where those are at most a third of it; or else the first that has
    /// all its parts, shortened or not: `max-jobs`.
    static func nearest(to word: String) -> PolicyKey? {
        let wanted = fold(word)
        guard (2...40).contains(wanted.count) else { return nil }
        var near: (key: PolicyKey, distance: Int)?
        for (key, known) in folded {
            let limit = max(2, max(wanted.count, known.count) / 3)
            guard abs(wanted.count - known.count) <= limit else { continue }
            let distance = distance(wanted, known)
            if distance <= limit, distance < near?.distance ?? .max { near = (key, distance) }
        }
        if let near { return near.key }
        let words = words(of: word)
        return allCases.first { key in
            words.allSatisfy { word in self.words(of: key.rawValue).contains { $0.hasPrefix(word) } }
        }
    }

    private static let folded = allCases.map { (key: $0, name: fold($0.rawValue)) }

    private static func words(of text: String) -> [Substring] {
        text.lowercased().split { $0 == "-" || $0 == "_" }
    }

    private static func fold(_ word: String) -> [UInt8] {
        word.lowercased().utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") }
    }

    /// How many letters have to be inserted, left out or replaced to make one word of the other (Levenshtein).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        // What both begin and end with counts for nothing, and usually is all but a letter or two.
        var begin = 0
        var leftEnd = left.count
        var rightEnd = right.count
        while begin < leftEnd, begin < rightEnd, left[begin] == right[begin] { begin += 1 }
        while leftEnd > begin, rightEnd > begin, left[leftEnd - 1] == right[rightEnd - 1] {
            leftEnd -= 1
            rightEnd -= 1
        }
        var distances = Array(0...rightEnd - begin)
        for row in begin..<leftEnd {
            var diagonal = distances[0]
            distances[0] += 1
            for column in begin..<rightEnd {
                let index = column - begin
                let replaced = left[row] == right[column] ? diagonal : diagonal + 1
                let shorter = distances[index] < distances[index + 1] ? distances[index] : distances[index + 1]
                diagonal = distances[index + 1]
                distances[index + 1] = replaced <= shorter ? replaced : shorter + 1
            }
        }
        return distances[rightEnd - begin]
    }
}
