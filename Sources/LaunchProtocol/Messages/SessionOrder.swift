/// The PAM session that a job is to have.
package struct SessionOrder: Hashable, Sendable {
    /// The name of the service, which is the name of its file in `/etc/pam.d`.
    package var service: [UInt8]

    /// Whether the account's password is proven first; it comes in a pipe, the last descriptor of the order.
    package var authenticates: Bool

    /// What a module sets in place of what the order says: the daemon has asked for none of it itself.
    package var yields: Yields

    /// How long the session is to stay open for other jobs when it has none, in milliseconds; zero for a session of its own.
    ///
    /// A job that may outlive its daemon always has one of its own.
    package var idleMilliseconds: UInt32

    /// Whether other jobs are to have it too.
    package var isShared: Bool { idleMilliseconds > 0 }

    /// Settings of an order that PAM may set.
    package struct Yields: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// The file mode creation mask.
        package static let fileModeCreationMask = Yields(rawValue: 1 << 16)

        /// The nice value.
        package static let niceness = Yields(rawValue: 1 << 17)

        /// The limit of a resource, by its number.
        package static func limit(_ resource: Int32) -> Yields { Yields(rawValue: 1 << UInt32(resource & 15)) }

        static let known: UInt32 = 1 << 18 - 1
    }

    package init(service: [UInt8], authenticates: Bool = false, yields: Yields = [], idleMilliseconds: UInt32 = 0) {
        self.service = service
        self.authenticates = authenticates
        self.yields = yields
        self.idleMilliseconds = idleMilliseconds
    }
}
