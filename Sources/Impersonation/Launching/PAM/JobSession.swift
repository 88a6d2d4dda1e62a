import LaunchProtocol
public import SystemPackage

/// The session of PAM that a job has.
public struct JobSession: Sendable, Hashable {
    /// The name of the service.
    public let service: String

    /// Groups that modules have given the job beside those of its account, ascending.
    public let addedGroups: [GroupID]

    /// What modules had to say, for a person; control characters are escaped.
    public let messages: [String]

    /// Whether other jobs of the account have the same session (``PAMLauncher/Sessions/shared(idleTime:)``).
    public let isShared: Bool

    /// Creates what is known of a session, for launchers and tests.
    ///
    /// - Parameters:
    ///   - service: The name of the service.
    ///   - addedGroups: Groups that modules have given the job beside those of its account, ascending.
    ///   - messages: What modules had to say, for a person.
    ///   - isShared: Whether other jobs of the account have the same session.
    public init(service: String, addedGroups: [GroupID] = [], messages: [String] = [], isShared: Bool = false) {
        self.service = service
        self.addedGroups = addedGroups
        self.messages = messages
        self.isShared = isShared
    }

    init(_ report: SessionReport, service: String) {
        self.service = service
        addedGroups = report.addedGroups.map { GroupID($0) }
        messages = report.messages
        isShared = report.isShared
    }
}
