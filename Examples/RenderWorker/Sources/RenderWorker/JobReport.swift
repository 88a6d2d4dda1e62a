public import SystemPackage

/// One job of a spool, told by the worker, by the kernel, and by the job itself.
public struct JobReport: Sendable, Hashable {
    /// What the worker wrote down.
    public let result: JobResult

    /// Where the job ended up.
    public let folder: SpoolFolder

    /// What the job said of itself.
    public let identity: IdentityOutput?

    /// Who owned the log when the job began, by the kernel.
    public var logOwner: UserID? { result.logOwner.map(UserID.init(rawValue:)) }

    /// Whether the kernel and the job bear out as whom the worker says that it ran.
    ///
    /// What the job can bring about is no contradiction, so that no job can raise an alarm: it may print whatever it
    /// likes, and remove its log.
    public var verdict: JobVerdict {
        guard let uid = result.uid else { return result.logOwner == nil ? .agreement : .contradiction }
        guard let owner = result.logOwner else { return .unverified }
        guard owner == uid else { return .contradiction }
        guard let identity else { return .agreement }
        let agrees =
            identity.user.number == uid && identity.group.number == result.gid
            && Set(identity.groups.map(\.number)) == Set(result.groups ?? [])
        return agrees ? .agreement : .unverified
    }

    /// Reads every result of a spool, in the order the jobs were taken up.
    ///
    /// - Parameter spool: The directory of the spool.
    /// - Returns: The jobs.
    /// - Throws: ``SpoolError`` when it cannot be read.
    public static func read(_ spool: FilePath) throws(SpoolError) -> [JobReport] {
        var reports: [JobReport] = []
        for which in SpoolFolder.outcomes {
            do {
                let folder = try Folder(opening: spool.appending(which.rawValue))
                for name in try folder.names() where name.extension == "json" && !name.string.hasPrefix(".") {
                    let file = try folder.open(name)
                    let bytes = try file.closeAfter { try file.contents(limit: 1 << 20) }
                    reports.append(JobReport(try JobResult(decoding: bytes), in: which))
                }
            } catch {
                throw SpoolError(
                    path: spool.appending(which.rawValue),
                    message: "cannot be read (\(error)); name the spool of a worker"
                )
            }
        }
        return reports.sorted { $0.result.id < $1.result.id }
    }

    init(_ result: JobResult, in folder: SpoolFolder) {
        self.result = result
        self.folder = folder
        var text = ""
        // The log belongs to the account of the job, which may have put anything there.
        if let path = result.log.map({ FilePath($0) }), let name = path.lastComponent,
            let logs = try? Folder(opening: path.removingLastComponent()), let file = try? logs.open(name)
        {
            if (try? file.facts())?.kind == .regular {
                text = String(decoding: (try? file.contents(limit: 64 << 10)) ?? [], as: UTF8.self)
            }
            try? file.close()
        }
        identity = IdentityOutput(in: text)
    }
}
