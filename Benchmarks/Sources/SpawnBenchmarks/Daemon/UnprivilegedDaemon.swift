import Synchronization

/// The daemon that rows behind `sudo` are measured in: this program once more, with an ordinary account.
final class UnprivilegedDaemon: Sendable {
    /// What it is started with.
    struct Setting: Sendable, Hashable {
        /// The account it has, which a rule lets run anything as the account of the jobs.
        let worker: String

        /// Where the launcher program is.
        let launcher: String
    }

    private let setting: Setting
    private let account: String
    private let mebibytes: Int
    private let connection = Mutex<DaemonConnection?>(nil)

    init(_ setting: Setting, account: String, mebibytes: Int) {
        self.setting = setting
        self.account = account
        self.mebibytes = mebibytes
    }

    /// Starts it, unless it runs.
    func start() throws {
        try connection.withLock { connection in
            guard connection == nil else { return }
            connection = try DaemonConnection(
                name: "unprivileged",
                mebibytes: mebibytes,
                account: account,
                helperSocket: nil,
                sudo: setting,
                isUnprivileged: true
            )
        }
    }

    /// Asks for something and waits for the answer.
    func ask(_ request: DaemonRequest) throws -> DaemonReply {
        try connection.withLock { connection in
            guard let reply = try connection?.ask(request) else {
                throw BenchmarkError("the daemon without privileges was not started")
            }
            return reply
        }
    }
}
