import LaunchPlan
import LaunchProtocol

/// What jobs have to have in common for one session of PAM.
struct SessionKey: Hashable {
    /// Whose daemon it is: two of them have no session in common.
    private let peer: UInt32
    private let service: [UInt8]
    /// A session that began with a password may have tickets that one without has not.
    private let authenticates: Bool
    private let account: [UInt8]
    private let userID: UInt32
    private let groupID: UInt32
    private let groups: [UInt32]
    /// What a module makes of the mask is told apart from the mask of the first job.
    private let mask: UInt16

    /// What a launch has to have in common with others.
    ///
    /// - Parameters:
    ///   - order: The order.
    ///   - session: The session that it asks for.
    ///   - peer: The user id of the daemon.
    init(_ order: LaunchOrder, _ session: SessionOrder, peer: UInt32) {
        self.peer = peer
        service = session.service
        authenticates = session.authenticates
        account = order.account
        userID = order.credentials.userID
        groupID = order.credentials.groupID
        groups = order.credentials.groups
        mask = order.fileModeCreationMask
    }

    /// A number that hardly any other key has, and all processes of the helper give this one: the seed is that of the first.
    ///
    /// Whoever goes by it looks at the key itself before anything is launched.
    var digest: UInt64 {
        let number = UInt64(truncatingIfNeeded: hashValue)
        return number == 0 ? 1 : number
    }
}
