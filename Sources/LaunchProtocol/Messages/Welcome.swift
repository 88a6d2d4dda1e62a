/// Who the helper is and what it can do.
package struct Welcome: Hashable, Sendable {
    /// What a helper may be able to do.
    package struct Features: OptionSet, Hashable, Sendable {
        package let rawValue: UInt64

        package init(rawValue: UInt64) {
            self.rawValue = rawValue
        }

        /// Each job has a cgroup of its own, so limits for all its processes hold and none of them escapes its end.
        package static let controlGroups = Features(rawValue: 1 << 0)

        /// The helper may give terminals to accounts (`CAP_CHOWN`).
        package static let terminals = Features(rawValue: 1 << 1)

        /// The helper ends jobs of every account (`CAP_KILL`, or a cgroup that it may kill).
        package static let endsEveryJob = Features(rawValue: 1 << 2)

        /// The policy permits sessions of PAM.
        package static let sessions = Features(rawValue: 1 << 3)

        static let all: Features = [.controlGroups, .terminals, .endsEveryJob, .sessions]
    }

    /// The version of the protocol that the helper speaks.
    package var version: UInt16

    /// The process id of the helper, as the helper's own namespace numbers it.
    package var helperProcessID: Int32

    package var features: Features

    package init(version: UInt16, helperProcessID: Int32, features: Features) {
        self.version = version
        self.helperProcessID = helperProcessID
        self.features = features
    }
}
