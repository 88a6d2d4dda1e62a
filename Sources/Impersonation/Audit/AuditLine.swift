import FoundationEssentials
import SystemPackage

/// An ``AuditRecord`` as one line of JSON.
///
/// Keys are sorted and never change their meaning; what is not known is left out. No key has a place for a secret, an
/// argument, an environment or a standard stream.
struct AuditLine: Encodable {
    /// How many bytes of any one text are kept: a name of a megabyte must not become a line of a megabyte.
    static let textLimit = 4_096

    var time: String
    var event: String
    var login: String?
    var requested: String?
    var remoteAddress: String?
    var outcome: String
    var reason: String
    var message: String
    var mode: String?
    var account: String?
    var domain: String?
    var uid: UInt32?
    var gid: UInt32?
    var groups: [UInt32]?
    var rules: [Rule]
    var executable: String?
    var backend: String?
    var pid: Int32?
    var timings: Timings?
    var attestation: String?
    var status: Status?

    struct Rule: Encodable {
        var rule: String
        var source: String
        var line: Int?
        var text: String
    }

    /// In seconds.
    struct Timings: Encodable {
        var preparation: Double
        var clone: Double
        var confirmation: Double
    }

    struct Status: Encodable {
        var exited: Int32?
        var signaled: Int32?
    }

    private enum CodingKeys: String, CodingKey {
        case time, event, login, requested
        case remoteAddress = "remote_address"
        case outcome, reason, message, mode, account, domain, uid, gid, groups, rules, executable, backend, pid, status
        case timings, attestation
    }

    init(_ record: AuditRecord) {
        func kept(_ text: String) -> String { text.shortened(to: Self.textLimit) }

        time = record.date.formatted(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true, timeZone: .gmt)
        )
        event = record.event.rawValue
        login = record.request.login.map(kept)
        requested = record.request.requestedAccount.map(kept)
        remoteAddress = record.request.remoteAddress.map(kept)
        outcome = kept(record.outcome)
        reason = kept(record.reason)
        message = kept(record.message)
        mode = record.mode?.rawValue
        account = record.account.map { kept($0.name.spelling) }
        domain = record.account?.name.domain.map(kept)
        uid = record.account?.userID.rawValue
        gid = record.account?.groupID.rawValue
        groups = record.account?.groups.map(\.rawValue)
        rules = record.rules.map { entry in
            Rule(rule: entry.rule, source: kept(entry.source.origin), line: entry.source.line, text: kept(entry.text))
        }
        executable = record.executable.map(kept)
        backend = record.backend?.description
        pid = record.processID?.rawValue
        timings = record.timings.map { timings in
            func seconds(_ time: Duration) -> Double { time / .seconds(1) }
            return Timings(
                preparation: seconds(timings.preparation),
                clone: seconds(timings.clone),
                confirmation: seconds(timings.confirmation)
            )
        }
        attestation = record.attestation?.description
        status = record.status.map { status in
            switch status {
            case .exited(let code): Status(exited: code)
            case .signaled(let signal, _): Status(signaled: signal.rawValue)
            }
        }
    }

    /// The line with its end, as it is written to the file.
    ///
    /// JSON escapes what is below U+0020 and nothing else. Everything a terminal or a line reader could obey is
    /// escaped in the encoded text: such scalars stand inside strings only, because the encoder puts no blanks
    /// between the values.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(self), as: UTF8.self)
        return Array(text.escapingUnprintable.utf8) + [UInt8(ascii: "\n")]
    }
}
